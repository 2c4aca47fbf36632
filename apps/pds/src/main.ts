#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

import { CommanderError } from 'commander'

import { createProgram } from './commands/program.ts'
import type { PdsOptions } from './config/config.ts'
import { explainFailure } from './config/explain-failure.ts'

/** Runs until SIGINT or SIGTERM. */
async function serve(options: PdsOptions, warnings: readonly string[]): Promise<void> {
  // Compiled modules are kept in the system's folder for temporary files: the next start takes half the time.
  enableCompileCache()
  // Loaded when it is needed: --help and a refused setting do not wait for a whole server.
  const [{ pino }, { createPds }] = await Promise.all([import('pino'), import('./app.ts')])
  const log = pino({ level: options.logLevel ?? 'info', base: null }, pino.destination(2))
  for (const warning of warnings) log.warn(warning)
  const stop = Promise.withResolvers<string>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.resolve(signal))
  await using pds = await createPds({ ...options, log })
  const { host, dataDirectory } = pds.config
  const where = host === '::' || host === '0.0.0.0' ? ', on all addresses of this machine' : ''
  console.log(`avocet-pds is ready at ${pds.url}${where} (data in ${dataDirectory})`)
  await stop.promise
}

// What this server writes is its owner's alone.
process.umask(0o077)

try {
  await createProgram({ env: process.env, print: (line) => console.log(line), serve }).parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode
  else {
    console.error(`avocet-pds: ${explainFailure(error)}`)
    process.exitCode = 1
  }
}
