#!/usr/bin/env node
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { createPlcDirectory, PlcDirectoryError } from './app.ts'
import { readVersion } from './version.ts'

interface Flags {
  port: number
  host: string
  data: string
  memory?: true
  rateLimits: boolean
}

const command = new Command('avocet-plc')
  .description('A did:plc directory of your own: the HTTP API of plc.directory on one SQLite file.')
  .version(readVersion())
  .addOption(
    new Option('--port <port>', 'port to listen on').env('PLC_PORT').default(2582).argParser(readPort),
  )
  .addOption(new Option('--host <address>', 'address to listen on').env('PLC_HOST').default('127.0.0.1'))
  .addOption(
    new Option('--data <directory>', 'where plc.sqlite is kept')
      .env('PLC_DATA_DIRECTORY')
      .default('data/plc'),
  )
  .option('--memory', 'keep everything in memory, store nothing')
  .option('--no-rate-limits', 'take any number of operations per DID')
  .action(run)

await command.parseAsync()

async function run(flags: Flags): Promise<void> {
  const databasePath = flags.memory ? ':memory:' : join(flags.data, 'plc.sqlite')
  try {
    const directory = await createPlcDirectory({
      port: flags.port,
      hostname: flags.host,
      databasePath,
      ...(flags.rateLimits ? {} : { rateLimits: null }),
      onError: (error) => console.error('avocet-plc: internal error:', error),
    })
    const stop = (): void => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      void directory.close()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    console.log(`avocet-plc: ready at ${directory.url} (${flags.memory ? 'in memory' : databasePath})`)
  } catch (error) {
    if (!(error instanceof PlcDirectoryError)) throw error
    console.error(`avocet-plc: ${error.message}`)
    process.exitCode = 1
  }
}

function readPort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('not a port (0 to 65535)')
  return port
}
