"""What odd spellings are made of."""

# One line would be one word otherwise.
# fmt: off

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ODD_METHODS = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY", "BREW"]
IDS = [
    "0", "1", "42", "a1b2c3d4e5f60718293a4b5c6d7e8f90", "m-0123456789abcdef", "tr-9f8e7d6c", "name",
    "my model", "résumé", "v1.0", "a.b", "x:y", "50%", "a+b", "1e5", "-1", "null", "*", "@me", "{id}",
    "~", "...", "..x",
]
FILES = [
    "model.pkl", "MLmodel", "conda.yaml", "a b.txt", "ü.bin", ".hidden", "a..b", "100%.csv", "a+b",
    "x#y", "q?r", "img%step%10%timestamp%1795892997123%q196.png", "a%17", "b%1f.txt", "c%00d",
]
ESCAPED_ESCAPES = [
    "%2517", "%2511", "%2500", "%251f", "%257f", "%251F", "%257F", "%2509", "%250a", "%250d", "%252f", "%252F",
    "%252e", "%255c", "%25252f", "%252517", "%2520", "%257c", "%25%31%37", "%251%2537", "%2517%252f", "%2%2517f",
]
LOOKALIKES = ["\uff0f", "\u2215", "\u2044", "\uff0e", "\u2024", "\uff3c", "\u212a", "\u0131", "\u017f", "\u3002"]
OVERLONG = [
    "%c0%af", "%c0%ae", "%c0%ae%c0%ae", "%e0%80%af", "%e0%80%ae", "%f0%80%80%af", "%c1%9c", "%c1%a1",
]
NOT_UTF8 = ["%ff", "%fe%ff", "%80", "%c3", "%e2%82", "%ed%a0%80", "%f5%80%80%80", "%c3%28"]
NOT_ESCAPES = [
    "%", "%%", "%z", "%2", "%zz", "%u002f", "%u2215", "%25%", "%%32%66", "%2%66", "%0x2f", "%+2f",
    "% 2f",
]
CONTROLS = [
    "%00", "%0a", "%0d", "%0d%0a", "%09", "%0b", "%1f", "%7f", "%c2%85", "%e2%80%a8", "%a0", "%c2%a0",
]
RAW = ["\t", " ", "\x00", "\x0b", "\x7f", "\x80", "\xff", "\xc3\xa9", "\xc0\xaf", "\xef\xbc\x8f", "\x1f", '"', "<", "|", "^"]
DOTS = [
    ".", "..", "...", "%2e", "%2E%2e", ".%2e", "%2e.", "%252e", "%252e%252e", "..;", ".;a=b", "..%00",
    "..%20", "..%2f", "..%5c", "..%c0%af", "%c0%ae%c0%ae", "..\\", ". ", ".%20",
]
PARAMETERS = [";", ";x=1", ";jsessionid=1", "%3b", "%3Bx=1", ";/", ";..", ";.json", "%253b"]
SLASHES = [
    "//", "///", "%2f", "%2F", "/%2f", "%2f/", "%252f", "%25252F", "\\", "%5c", "%5C", "/\\", "\\/",
    "%255c", "/./",
]
STARTS = [
    "/", "//", "\\", "/.", "/./", "/../", "/%2f", "/%2e/", "/x/../", "/;/", "%2f", ".", "~", "/%00",
    "/ ", "/%20",
]
ORIGINS = [
    "http://mlflow.example", "https://mlflow.example", "HTTP://x", "http:", "//mlflow.example",
    "http://u:p@x:80", "mlflow.example", "mlflow.example:80", "http://", "http:/", "file://",
    "http://x/..", "http://x?y",
]
QUERIES = [
    "?_method=DELETE", "?x=/../../y", "?%2F", "??", "?", "?a=b#c", "?;", "?path=../../x",
    "?run_id=1&run_id=2", "?/api/2.0/mlflow/users/get", "?ÿ", "? ", "?%00", "?api_key=a", "?x=%zz",
    "?method=POST", "?\\", "?a?b/../c",
]
FRAGMENTS = ["#", "#x", "%23", "#/../..", "#?a", "%2523", "?#"]
ENDINGS = [
    "/", "//", "/.", "/..", "/%2e", "%2f", "%0a", "%20", ".", "..", ".json", "%00", "/*", ":", "+",
    "\\", ";", "&", "/?",
]
PREFIXES = [
    "/api/mlflow", "/mlflow", "/p", "/root", "/api", "/ajax-api", "/static-files", "/api/2.0",
    "/graphql", "/index.html",
]
VERSIONS = ["2.0", "3.0", "1.0", "2.0mlflow", "2.0preview", "4.0", "2", "2.00", "2%2e0", "v1", "preview"]
WORDS = [
    "get", "create", "search", "delete", "list", "update", "mlflow", "tags", "versions", "aliases",
    "current", "users", "permissions", "artifacts", "mlflow-artifacts", "mpu", "invocations", "proxy",
    "jobs", "cancel", "static", "api",
]
ALSO_LEGAL = [
    "%20", "+", "%2B", "~", "%7E", "!", "$", "&", "'", "(", ")", "*", ",", "=", ":", "@", "-", "_",
    "%40", "%3a", "%C3%A9",
]
