import type { RoutePath, Upstream } from '../../domain/route.ts'
import type { Path } from '../decode-report.ts'
import type { LoadedTree } from '../schema/config-schema.ts'

/** What has no parts that could be missing. */
type Atom = string | number | boolean | URL | Uint8Array | RoutePath | Upstream

/** A tree in which everything that was wrong is missing: rules look at what is left. */
export type DraftOf<T> = T extends Atom
  ? T | undefined
  : T extends readonly (infer Item)[]
    ? readonly DraftOf<Item>[] | undefined
    : { readonly [Key in keyof T]?: DraftOf<T[Key]> } | undefined

export type Draft = DraftOf<LoadedTree>

export type RouteDraft = NonNullable<NonNullable<NonNullable<Draft>['routes']>[number]>

/** Where rules say what they found. Messages about a value that may not be shown do not quote it. */
export interface RuleReport {
  problem(path: Path, message: string): void
  /** Insecure, or without effect, but allowed. */
  warning(path: Path, message: string): void
  isWritten(path: Path): boolean
  /** The value in quotes, or `the value` where it must not be shown. */
  shown(path: Path, value: string): string
  lineOf(path: Path): number
}
