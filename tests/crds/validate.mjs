// Holds objects of Envoy Gateway and the Gateway API against the validators in the @kubernetes-models packages.
//   node validate.mjs NODE_MODULES <objects.json      a list of objects in, a list of lists of complaints out
//
// These validators are compiled from the Go types, and let unknown fields pass. But they read each field they
// know by its name: a field of an object that was read from, which itself never was, is unknown.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const SCHEMAS = {
  "gateway.envoyproxy.io/v1alpha1": "envoy-gateway/_schemas/ComGithubEnvoyproxyGatewayApiV1alpha1",
  "gateway.networking.k8s.io/v1": "gateway-api/_schemas/IoK8sSigsGatewayApiApisV1",
};

/** `value`, with a note in `log` for each object of what was read of it. */
function watched(value, path, log) {
  if (value === null || typeof value !== "object") return value;
  const children = new Map(Object.entries(value).map(([k, v]) => [k, watched(v, `${path}/${k}`, log)]));
  const entry = { path, value, read: new Set(), all: Array.isArray(value) };
  log.push(entry);
  return new Proxy(value, {
    get(target, name) {
      entry.read.add(name);
      return children.has(name) ? children.get(name) : target[name];
    },
    // A loop over the names: this object is a map, any name will do.
    ownKeys(target) {
      entry.all = true;
      return Reflect.ownKeys(target);
    },
  });
}

function unknownFields(log) {
  // Nothing at all read: an object of free form, as a plugin's configuration.
  const structures = log.filter((entry) => !entry.all && entry.read.size > 0);
  return structures.flatMap(({ path, value, read }) =>
    Object.keys(value).filter((name) => !read.has(name)).map((name) => `${path}/${name}: unknown field`),
  );
}

/** The validator of a kind, or nothing. */
async function validator(modules, { apiVersion, kind }) {
  const prefix = SCHEMAS[apiVersion];
  if (!prefix || !/^[A-Za-z]+$/.test(kind ?? "")) return undefined;
  try {
    return (await import(pathToFileURL(`${modules}/@kubernetes-models/${prefix}${kind}.js`).href)).validate;
  } catch (error) {
    if (error.code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

async function complaints(modules, object) {
  const validate = await validator(modules, object);
  if (!validate) return [`${object.apiVersion} ${object.kind}: no validator`];
  const log = [];
  const valid = validate(watched(object, "", log));
  const errors = valid ? [] : validate.errors.map((e) => `${e.instancePath}: ${e.keyword} ${JSON.stringify(e.params)}`);
  return [...errors, ...unknownFields(log)];
}

const objects = JSON.parse(readFileSync(0, "utf8"));
const answers = [];
for (const object of objects) answers.push(await complaints(process.argv[2], object));
process.stdout.write(JSON.stringify(answers));
