import { duration, either, flag, freeMap, list, text, optional } from './schema-parts.ts'

/** What logins ask the provider for. */
export const loginKeys = {
  scope: either<readonly string[]>([text('scope'), list(text('scope-token'), { minItems: 1 })], {
    default: 'openid profile email offline_access',
    description:
      'Scopes to ask for, as one string or a list, sent in this order at every login. Default openid profile email ' +
      'offline_access: who the user is, and a refresh token. openid is needed. Without offline_access most providers ' +
      'give no refresh token, and sessions end with the first access token; providers that do not know it refuse the login (take it out then).',
  }),
  audience: optional(
    text('line', {
      example: 'https://api.example.com',
      description:
        'Identifier of the API the access token is for, sent as audience at every login. Auth0 and others need it to issue ' +
        'a token for an API at all. Without it: whatever the provider chooses.',
    }),
  ),
  resource: either<readonly string[]>([text('single-resource'), list(text('resource'), {})], {
    default: [],
    exampleOff: true,
    example: '[https://api.example.com/]',
    description:
      'Resource indicators: absolute URIs without fragment, one or a list, sent as repeated resource parameters at every login; a single one with every token request too ' +
      '(RFC 8707 §2). Default none.',
  }),
  authorizationParameters: freeMap('authorization-parameter', text('line'), {
    default: {},
    description:
      'Further parameters sent on every login, such as connection. Default none. A login link cannot change what is ' +
      'fixed here. Parameters of the protocol itself (state, redirect_uri, response_type …) are refused.',
  }),
  pushedAuthorizationRequests: flag({
    default: false,
    description:
      'true: send each authorization request to the provider itself, with our authentication, and give the browser a reference to it only (PAR, RFC 9126): nobody can read or change what it asks ' +
      'for. Default false: only where the provider requires it (require_pushed_authorization_requests in its metadata). Every sign-in that is begun then costs a call to the provider; see loginLimit.',
  }),
  signedAuthorizationRequests: flag({
    default: false,
    description:
      'true: send each authorization request as one object signed with clientKey, good for a minute (JAR, RFC 9101): nobody can change what it asks for. Default false: only where the provider ' +
      'requires it (require_signed_request_object in its metadata) and there is a clientKey. Goes with pushedAuthorizationRequests, and then is pushed signed. ' +
      'With true a clientKey may stand beside another way to prove the client.',
  }),
  loginParameters: list(text('login-parameter'), {
    default: [
      'login_hint',
      'ui_locales',
      'connection',
      'organization',
      'invitation',
      'screen_hint',
      'prompt',
    ],
    description:
      'Query parameters of /oauth2/login that are passed on to the provider; all others are ignored. Default: hints that can ' +
      'only help a user along. [] allows none. Parameters that decide about tokens are refused (STANDARDS AZ-9).',
  }),
  organizations: list(text('line'), {
    default: [],
    description:
      'Organizations (org_id or org_name in the ID token) whose members may sign in. Default none listed: members of any organization and ' +
      'users without one may sign in, unless the login asked for a certain one. With entries everybody else is refused.',
  }),
  maxAge: optional(
    duration({
      atLeast: '0s',
      atMost: '365d',
      exampleOff: true,
      example: '12h',
      description:
        "Longest time since the user last proved who they are, sent as max_age; the answer's auth_time is checked. Default: not " +
        'asked. 0s asks for the password at every login; whole seconds (OpenID Connect Core §3.1.2.1).',
    }),
  ),
  acrValues: list(text('scope-token'), {
    default: [],
    description:
      'Authentication context classes to ask for, best first; the login is refused unless the ID token names one of them. ' +
      'Default none (OpenID Connect Core §3.1.2.1).',
  }),
}
