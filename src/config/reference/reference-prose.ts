/** What is true of the whole file, before its keys. */
export const OPENING = `# Configuration

<!-- Generated from src/config/schema by \`npm run generate\`: edit there, not here. -->

One YAML file. These keys are enough (\`config/bearergate.minimal.yaml\`):

\`\`\`yaml
publicUrl: https://app.example.com
provider:
  issuer: https://tenant.eu.auth0.com/
  clientId: \${OIDC_CLIENT_ID}
  clientSecret: \${OIDC_CLIENT_SECRET}
session:
  secrets: ["\${SESSION_SECRET}"]       # openssl rand -base64 32
routes:
  - path: /*
    upstream: http://localhost:3000
\`\`\`

\`bearergate check FILE\` validates a file without network and shows what would run. \`config/bearergate.example.yaml\` has
every key; \`config/bearergate.schema.json\` gives editors completion (first line of the example).

## How the file is read

* **Strict.** An unknown or repeated key, a wrong type, a value out of range, a key that could have no effect where it stands or two routes
  that no request could tell apart refuse to start. All problems are shown at once as \`file:line:column: what is wrong, what is allowed\`.
* **\`\${NAME}\`** in any scalar, whole or as a part, reads an environment variable; unset or empty is a problem. **\`\${file:PATH}\`**
  reads a file, without its last line break; paths are relative to the configuration file. What is read is taken as it is, never
  interpreted again, and never printed. A literal \`\${\` is written \`$\${\`. Inside \`[ ]\` and \`{ }\` put \`"\${NAME}"\` in quotes.
* **\`\${claims.name}\`** is a claim of the signed-in user, known only in \`headers.set\` of a route.
* **Durations** are one whole number and a unit: \`500ms\`, \`30s\`, \`15m\`, \`12h\`, \`7d\`. **Sizes**: \`512B\`, \`64KiB\`, \`10MiB\`, \`1GiB\`.
* **YAML** 1.2: \`yes\` and \`no\` are text. Anchors and aliases work; tags, merge keys (\`<<\`) and second documents are refused.
* A setting that weakens security is a switch of its own, off by default, and is warned of at every start.

`

/** What an operator asks of the whole: secrets, and who is called (STANDARDS CF-8). */
export const CLOSING = `## Secrets and their rotation

| secret | key | to change it |
|---|---|---|
| cookie keys | \`session.secrets\` | put a new one in front, restart, drop the old one after \`session.lifetime\`; nobody is signed out ([several replicas](operations.md#changing-sessionsecrets) need a step more) |
| client secret | \`provider.clientSecret\` | change it at the provider and here, and [reload](operations.md#reload); sessions live on, as they do not depend on it |
| client key | \`provider.clientKey\` | add the public half of the new one at the provider, change it here, then remove the old one there |
| client certificate | \`provider.tls.certificate\` and \`key\` | register the new one at the provider where it is known by more than its subject, replace the files and [reload](operations.md#reload) |
| TLS key | \`listen.tls.key\` | replace the files and [reload](operations.md#reload) |
| signing keys | \`identity.keys\` | [step by step](headers.md#signed-proof-of-who-asks), so that no request is refused |
| key of the proxy that asks | \`forwardAuth.key\` | here and in that proxy at the same time |
| store | \`session.redis.password\` | in Redis and here, restart; sessions live on |

Take secrets from the environment or from files readable by the gateway's user only. They are in no message, log line, metric or page.

## Outbound connections

| to | when | limits |
|---|---|---|
| the provider: metadata, keys | at start and then regularly, again with growing pauses while it fails | \`provider.timeout\` |
| the provider: tokens, userinfo | at login, at refresh, for \`routes[].token\`; a code is never sent twice | \`provider.timeout\` |
| the provider: introspection | for callers with a token of their own, as \`routes[].bearer\` says | \`provider.timeout\` |
| the provider: revocation | after sign-out, in the background | \`provider.timeout\` |
| upstreams | for each request of their route; sent again, once, only if it has no body and its method may be repeated: when the idle connection had just been closed, or the upstream refuses the token | \`routes[].timeouts\` |
| Redis | with \`session.store: redis\` | \`session.redis.commandTimeout\` |

Nothing else is called. Certificates are always verified.
`
