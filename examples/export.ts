// An exporter: every record of an account, proved by its signature, as a line of JSON.
//
//   node examples/export.ts alice.example.com > alice.jsonl
import { repo } from '@avocet/atproto'
import { toJson } from '@avocet/data'

for await (const { uri, cid, value } of repo(process.argv[2]!)) {
  console.log(JSON.stringify({ uri, cid, value: toJson(value) }))
}
