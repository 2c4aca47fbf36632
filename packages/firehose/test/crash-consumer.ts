// The process that crash.test.ts kills: consumes a stream into SQLite, each event in one transaction with its own rows.
// Arguments: database file, stream URL, directory URL, last seq.

import { parseMultikey } from '@avocet/crypto'
import { formatCid } from '@avocet/data'
import { openDatabase } from '@avocet/sqlite'
import { consume, relaySource } from '../src/index.ts'
import { openState } from '../src/sqlite.ts'

const [path = '', service = '', plcUrl = '', last = '0'] = process.argv.slice(2)
const db = openDatabase({ path })
db.raw
  .exec(`CREATE TABLE IF NOT EXISTS applied (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, did TEXT) STRICT;
  CREATE TABLE IF NOT EXISTS records (did TEXT, path TEXT, cid TEXT NOT NULL, PRIMARY KEY (did, path)) STRICT`)
let said = false

const consumer = consume({
  sources: [relaySource({ url: service, id: 'crash', start: 'oldest', backoff: { minMs: 5, maxMs: 20 } })],
  resolveKey: async (did) => {
    const document = (await (await fetch(`${plcUrl}/${did}`)).json()) as {
      verificationMethod: { publicKeyMultibase: string }[]
    }
    const key = parseMultikey(document.verificationMethod[0]!.publicKeyMultibase)
    return { key: key.ok ? key.value : null, pds: null, handle: null }
  },
  identity: { refreshMs: 0 },
  state: openState(db),
  onEvent(event) {
    const did = 'did' in event ? event.did : null
    // A second time would break the primary key, and show as a failure.
    db.prepare('INSERT INTO applied (seq, kind, did) VALUES (?, ?, ?)').run(event.seq ?? -1, event.kind, did)
    if (event.kind !== 'commit') return
    for (const op of event.ops) {
      if (op.cid === null) {
        db.prepare('DELETE FROM records WHERE did = ? AND path = ?').run(event.did, op.path)
      } else {
        db.prepare('INSERT OR REPLACE INTO records (did, path, cid) VALUES (?, ?, ?)').run(
          event.did,
          op.path,
          formatCid(op.cid),
        )
      }
    }
    if (!said) {
      said = true
      process.stdout.write('reading\n')
    }
  },
})

const timer = setInterval(() => {
  if (consumer.stats().sources[0]?.cursor !== Number(last)) return
  clearInterval(timer)
  void consumer.close().then(() => db.close())
}, 10)
