/** The names of the providers that a route takes, of all there are: what it says, or the only one. */
export function providersOfRoute(
  written: string | readonly (string | undefined)[] | undefined,
  names: readonly string[],
): readonly string[] {
  if (written === undefined) return names.length === 1 ? names : []
  const wanted = [written].flat()
  return names.filter((name) => wanted.includes(name))
}
