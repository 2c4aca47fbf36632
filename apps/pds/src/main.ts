#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander'

import { explainFailure } from './config/explain-failure.ts'
import { readSettings, SETTINGS } from './config/settings.ts'

/** Runs until SIGINT or SIGTERM. */
async function run(flags: ReadonlyMap<string, string>): Promise<void> {
  const options = readSettings(process.env, flags)
  // Loaded when it is needed: --help and a refused setting do not wait for a whole server.
  const [{ pino }, { createPds }] = await Promise.all([import('pino'), import('./app.ts')])
  const log = pino({ level: options.logLevel ?? 'info', base: null }, pino.destination(2))
  const stop = Promise.withResolvers<string>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.resolve(signal))
  await using pds = await createPds(options, log)
  console.log(`avocet-pds is ready at ${pds.url} (data in ${pds.config.dataDirectory})`)
  await stop.promise
}

function command(): Command {
  const program = new Command('avocet-pds')
    .description('A Personal Data Server of the AT Protocol. A flag beats its environment variable.')
    .exitOverride()
    .showHelpAfterError('(run avocet-pds --help for the settings)')
  for (const setting of SETTINGS) {
    if (setting.flag === undefined) continue
    const text = `${setting.description} (env: ${setting.env}, default: ${setting.default})`
    program.addOption(new Option(`${setting.flag} <${setting.placeholder ?? 'value'}>`, text))
  }
  const variables = SETTINGS.filter(({ flag }) => flag === undefined)
  const width = Math.max(...variables.map(({ env }) => env.length))
  const lines = variables.map(
    ({ env, description, default: value }) => `  ${env.padEnd(width)}  ${description} (default: ${value})`,
  )
  program.addHelpText('after', `\nEnvironment variables without a flag:\n${lines.join('\n')}`)
  program.action(async (given: Record<string, string>) => {
    const flags = new Map<string, string>()
    for (const option of program.options) {
      const value = given[option.attributeName()]
      if (value !== undefined) flags.set(option.long!, value)
    }
    await run(flags)
  })
  return program
}

// What this server writes is its owner's alone.
process.umask(0o077)

try {
  await command().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode
  else {
    console.error(`avocet-pds: ${explainFailure(error)}`)
    process.exitCode = 1
  }
}
