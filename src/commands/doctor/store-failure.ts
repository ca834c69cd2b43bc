import { GatewayError } from '../../domain/gateway-error.ts'
import { explain, SessionFileError } from '../../session-store/file-directory.ts'
import { evidence } from '../../telemetry/evidence.ts'
import { connectionFailure } from './connection-failure.ts'
import { failure, type Finding } from './finding.ts'

/** By the word that Redis puts in front of its errors (RESP §errors). */
const REDIS_WORDS: Readonly<Record<string, string>> = {
  WRONGPASS: 'correct session.redis.username and password (or those in the url)',
  NOAUTH: 'the server wants a password: give session.redis.password, and username for an ACL user',
  NOPERM:
    'give the user the rights that docs/sessions.md lists, for the prefix of session.redis.keyPrefix',
  READONLY: 'it is a replica: name the server that takes writes, or let Sentinel find it',
  OOM: 'the memory of the server is full: give it more, or find out what fills it',
  MISCONF: 'the server cannot write to its disk and refuses changes: make room there',
  LOADING: 'the server is still loading its data: try again in a moment',
  CLUSTERDOWN: 'the Cluster lacks nodes: look at CLUSTER INFO',
  MOVED: 'it is a Cluster: list its nodes in session.redis.nodes instead of url',
}

/** Why the session file cannot be used, and what to do. */
export function fileFailure(cause: unknown): Finding {
  const root = cause instanceof GatewayError ? (cause.cause ?? cause) : cause
  const found = cause instanceof SessionFileError ? cause.message : explain(root)
  const advice = 'mend the directory as said, make room, or raise the limits of the session section'
  return failure('store', found, advice)
}

/** Why Redis cannot be used, and what to do. */
export function redisFailure(cause: unknown): Finding {
  const refused = evidence(cause).find(({ message = '' }) => firstWord(message) in REDIS_WORDS)
  if (refused !== undefined) {
    const { message = '' } = refused
    const advice = REDIS_WORDS[firstWord(message)] ?? ''
    return failure('store', `Redis refuses: ${message}`, advice)
  }
  const { found, advice } = connectionFailure(cause, {
    address: 'session.redis (url, sentinels or nodes)',
    certificateAuthority: 'session.redis.tls.certificateAuthority',
  })
  return failure('store', found, advice)
}

function firstWord(message: string): string {
  const [word = ''] = message.split(' ')
  return Object.hasOwn(REDIS_WORDS, word) ? word : ''
}
