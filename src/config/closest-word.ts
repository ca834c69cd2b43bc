/** The allowed word a mistyped one most likely stands for, or `undefined` when none is near. */
export function closestWord(wrong: string, allowed: readonly string[]): string | undefined {
  const folded = fold(wrong)
  const same = allowed.find((word) => fold(word) === folded)
  if (same !== undefined || wrong.length > 64) return same
  const near = allowed
    .map((word) => ({ word, distance: editDistance(folded, fold(word)) }))
    .filter(({ word, distance }) => distance <= Math.max(1, Math.floor(word.length / 4)))
    .toSorted((a, b) => a.distance - b.distance)
  return near[0]?.word
}

/** snake_case, kebab-case and camelCase of one name are the same name. */
function fold(word: string): string {
  return word.toLowerCase().replace(/[-_ ]/g, '')
}

/** Letters to insert, delete, replace or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (beforeLast[j - 2] ?? 0) + 1 : replaced
      row.push(Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped))
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
