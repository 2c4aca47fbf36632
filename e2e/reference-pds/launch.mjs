// Runs the reference PDS of a prepared folder with the settings of the environment, until SIGTERM.
//
//   node launch.mjs FOLDER
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = process.argv[2]
const entry = createRequire(join(folder, 'package.json')).resolve('@atproto/pds')
const { PDS, readEnv } = await import(pathToFileURL(entry).href)
const pds = await PDS.fromEnv(readEnv())
await pds.start()
process.once('SIGTERM', () => {
  const timer = setTimeout(() => process.exit(0), 3000)
  void pds.destroy().finally(() => {
    clearTimeout(timer)
    process.exit(0)
  })
})
