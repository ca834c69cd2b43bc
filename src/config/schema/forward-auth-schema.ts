import { section, text } from './schema-parts.ts'

/** `forwardAuth`: decisions for another proxy. */
export const forwardAuthSchema = section(
  {
    key: text<Uint8Array>('secret-key', {
      secret: true,
      example: '${file:/run/secrets/forward_auth_key}',
      description:
        'What the proxy proves itself with: 32 random bytes in hex (openssl rand -hex 32) or base64, sent as X-Bearergate-Key, or as the query parameter ' +
        'key where a proxy can add no header. Needed because answers carry tokens: a browser that reached /oauth2/verify through the proxy could else read its own.',
      whenMissing: 'the proxy has to prove itself: make a key with `openssl rand -hex 32`',
    }),
  },
  {
    exampleOff: true,
    description:
      'Answers /oauth2/verify to a proxy in front (nginx auth_request, Caddy forward_auth, Traefik ForwardAuth, HAProxy), see docs/forward-auth.md. ' +
      'Default: off, 404. Only listen.trustedProxies may ask.',
  },
)
