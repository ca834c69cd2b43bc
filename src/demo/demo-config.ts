/** What the demo's configuration file is made of. */
export interface DemoConfigOptions {
  /** Where the browser reaches the gateway: `http://localhost:port`. */
  readonly publicUrl: string
  readonly gatewayPort: number
  readonly adminPort: number
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly resource: string
  /** 32 bytes, base64. */
  readonly sessionSecret: string
  /** Where the gateway reaches the sample API: `http://host:port`. */
  readonly upstream: string
}

/** The configuration the demo's gateway really runs from: made to be read, and to be copied. */
export function demoConfig(options: DemoConfigOptions): string {
  return `# The configuration of this demo. Real ones take secrets from the environment or from files:
#   clientSecret: \${OIDC_CLIENT_SECRET}      clientSecret: \${file:/run/secrets/oidc_client_secret}

publicUrl: ${options.publicUrl}
listen: { host: 127.0.0.1, port: ${options.gatewayPort} }
admin: { host: 127.0.0.1, port: ${options.adminPort} }

provider:
  issuer: ${options.issuer} # http, because it is on loopback; everywhere else it is https
  clientId: ${options.clientId}
  clientSecret: ${options.clientSecret}
  scope: openid profile email read:notes
  resource: [${options.resource}] # the API the access tokens are for

session:
  secrets: [${options.sessionSecret}]
  idleTimeout: 30m
  lifetime: 12h

routes:
  - path: / # signed in or not: the page shows who you are if it can
    upstream: ${options.upstream}
    access: optional
  - path: /assets/*
    upstream: ${options.upstream}
    access: public
  - path: /public/*
    upstream: ${options.upstream}
    access: public
  - path: /account # protected: nothing said means access: required
    upstream: ${options.upstream}
    headers:
      set: { X-User: "\${claims.email}" }
  - path: /api/*
    upstream: ${options.upstream}
    headers:
      set: { X-User: "\${claims.email}" }
`
}
