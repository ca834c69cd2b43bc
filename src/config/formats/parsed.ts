/** What became of a text: its value, or what is wrong with it and what is allowed. */
export type Parsed<T> = { readonly value: T } | { readonly wrong: string }

export function accepted<T>(value: T): Parsed<T> {
  return { value }
}

/** @param wrong completes a sentence that begins with the value: `has no unit: …` */
export function refused(wrong: string): { readonly wrong: string } {
  return { wrong }
}
