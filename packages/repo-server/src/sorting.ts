import { setImmediate } from 'node:timers/promises'

/** Sorted, or merged, before others get their turn. */
const AT_ONCE = 10_000

/** The same texts in the order of their characters. However many they are, others get their turn meanwhile. */
export async function sortInTurns(texts: Iterable<string>): Promise<string[]> {
  let runs: string[][] = []
  let run: string[] = []
  const close = async (): Promise<void> => {
    runs.push(run.toSorted())
    run = []
    await setImmediate()
  }
  for (const text of texts) {
    run.push(text)
    if (run.length >= AT_ONCE) await close()
  }
  await close()
  while (runs.length > 1) {
    const merged: string[][] = []
    for (let i = 0; i < runs.length; i += 2) {
      merged.push(i + 1 < runs.length ? await merge(runs[i]!, runs[i + 1]!) : runs[i]!)
    }
    runs = merged
  }
  return runs[0]!
}

async function merge(first: readonly string[], second: readonly string[]): Promise<string[]> {
  const merged: string[] = []
  let [i, j] = [0, 0]
  while (i < first.length || j < second.length) {
    const isFirst = j >= second.length || (i < first.length && first[i]! <= second[j]!)
    merged.push(isFirst ? first[i++]! : second[j++]!)
    if (merged.length % AT_ONCE === 0) await setImmediate()
  }
  return merged
}
