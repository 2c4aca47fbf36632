// A counter: how many records of each kind the network writes, every ten seconds, all of them verified.
//
//   node examples/count.ts [seconds]
import { firehose } from '@avocet/atproto'

const counts = new Map<string, number>()
setInterval(
  () => {
    console.log(JSON.stringify(Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a))))
    counts.clear()
  },
  Number(process.argv[2] ?? 10) * 1000,
)

for await (const { action, collection } of firehose()) {
  if (action === 'create') counts.set(collection, (counts.get(collection) ?? 0) + 1)
}
