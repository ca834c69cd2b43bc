import type { IncomingMessage } from 'node:http'
import type { LoadedFile } from '../../config/load-config.ts'
import type { Reason } from '../../domain/reason.ts'
import type { RequestFacts } from '../../domain/request-facts.ts'
import type { Lack } from '../../domain/requirement.ts'
import type { Route } from '../../domain/route.ts'
import type { Entrance } from '../../http/entrance.ts'
import { problem } from '../../http/refusal.ts'
import type { Caller } from './explained-caller.ts'

/** What becomes of a request. */
export type Outcome =
  /** It goes to the upstream. */
  | { readonly decision: 'forward'; readonly because: string; readonly upstream: Forwarded }
  /** Another proxy forwards: what `/oauth2/verify` hands it to copy. */
  | { readonly decision: 'verify'; readonly because: string; readonly copy: readonly Field[] }
  | { readonly decision: 'login'; readonly because: string; readonly parameters: object }
  /** By the gateway itself. */
  | { readonly decision: 'answer'; readonly because: string; readonly headers?: readonly Field[] }
  | {
      readonly decision: 'refuse'
      readonly reason: Reason
      readonly status: number
      readonly title: string
      readonly detail: string
      readonly needed?: unknown
      readonly allow?: readonly string[]
      /** Its form waits in the browser, and is sent after the login (`replayForm`). */
      readonly keeps_form?: true
    }

/** A header as it is shown. */
export type Field = readonly [name: string, value: string]

/** What the upstream gets, and what of the request it does not. */
export interface Forwarded {
  readonly url: string
  readonly headers: readonly Field[]
  /** Names that came with the request and do not go on. */
  readonly dropped: readonly string[]
  /** Among them: names by which somebody states who the user is. */
  readonly forged: readonly string[]
  /** Configured, but over 4 KiB. */
  readonly too_long: readonly string[]
  readonly identity?: object
}

/** A request that a route answers for, and all that decides about it. */
export interface Case {
  readonly loaded: LoadedFile
  readonly request: IncomingMessage
  readonly entrance: Entrance
  readonly route: Route
  readonly facts: RequestFacts
  readonly caller: Caller
  readonly nowMs: number
}

/** A refusal, in the words of its problem document. */
export function refused(
  entrance: Entrance,
  reason: Reason,
  extra: {
    readonly allow?: readonly string[] | undefined
    readonly lack?: Lack | undefined
  } = {},
): Outcome {
  const { allow, lack } = extra
  const { title, status, detail, needed } = problem(
    reason,
    entrance,
    lack === undefined ? {} : { lack },
  )
  return {
    decision: 'refuse',
    reason,
    status: Number(status),
    title: String(title),
    detail: String(detail),
    ...(needed === undefined ? {} : { needed }),
    ...(allow === undefined ? {} : { allow }),
  }
}
