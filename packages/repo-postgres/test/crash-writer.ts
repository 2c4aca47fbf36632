// The process that is killed: `node crash-writer.ts <url> <schema>`. A line of output is an acknowledged commit.
import { writeSync } from 'node:fs'
import { writeUntilKilled } from '@avocet/repo/conformance'
import { openCrashTarget } from './crash-target.ts'

const { target } = await openCrashTarget(process.argv[2]!, process.argv[3]!)
await writeUntilKilled(target, (did, rev) => void writeSync(1, `${did} ${rev}\n`))
