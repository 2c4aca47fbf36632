// Loaded into the reference PDS before its own code (`node --import`): each of its SQLite connections syncs the disk at each commit,
// as ours do by default. It has no setting for that, and its SQLite is compiled for NORMAL. Runs in the folder where it is installed.
import { createRequire } from 'node:module'
import path from 'node:path'

const find = createRequire(path.join(process.cwd(), 'node_modules/@atproto/pds/package.json'))
const { prototype } = find('better-sqlite3')
const { prepare } = prototype
const opened = new WeakSet()

prototype.prepare = function (...args) {
  if (!opened.has(this)) {
    opened.add(this)
    this.pragma('synchronous = FULL')
    if (this.pragma('synchronous', { simple: true }) !== 2) throw new Error('synchronous is not FULL')
  }
  return prepare.apply(this, args)
}
