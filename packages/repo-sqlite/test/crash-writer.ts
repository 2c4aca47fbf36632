// The process that is killed: `node crash-writer.ts <database>`. A line of output is an acknowledged commit.
import { writeSync } from 'node:fs'
import { writeUntilKilled } from '@avocet/repo/conformance'
import { openCrashTarget } from './crash-target.ts'

const { target } = openCrashTarget(process.argv[2]!)
await writeUntilKilled(target, (did, rev) => void writeSync(1, `${did} ${rev}\n`))
