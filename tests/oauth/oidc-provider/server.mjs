// A real OpenID provider, npm's oidc-provider: client credentials (RFC 6749), introspection (RFC 7662) and revocation
// (RFC 7009) of opaque tokens.
//
//     node server.mjs PORT REQUESTS_FILE
//
// Nothing of it knows the filter. Each introspection is appended to REQUESTS_FILE, a JSON object a line: what was sent, and
// which headers of caching the answer had.

import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// The packages are in a folder of their own.
const require = createRequire(`${process.env.OIDC_PROVIDER}/`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const [port, requestsFile] = process.argv.slice(2);
const RESOURCES = { mlflow: 'urn:example:mlflow', other: 'urn:example:other' };

function client(name, scope) {
  return {
    client_id: name,
    client_secret: `${name}-secret`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope,
  };
}

const scopes = ['model:read', 'tracking:write', 'admin'];
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client('reader', 'model:read'), client('trainer', 'tracking:write'), client('foreign', 'admin'), client('proxy')],
  scopes,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_, caller) => caller.clientId === 'proxy' },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCES.mlflow,
      getResourceServerInfo: (_, resource) => ({
        scope: scopes.join(' '),
        audience: Object.keys(RESOURCES).find((name) => RESOURCES[name] === resource),
        accessTokenFormat: 'opaque',
        accessTokenTTL: 3600,
      }),
    },
  },
});

provider.use(async (context, next) => {
  await next();
  if (context.path === '/token/introspection') {
    const seen = {
      headers: context.headers,
      form: context.oidc?.body,
      status: context.status,
      cache_control: context.response.get('cache-control'),
    };
    appendFileSync(requestsFile, `${JSON.stringify(seen)}\n`);
  }
});

provider.listen(Number(port), '127.0.0.1');
