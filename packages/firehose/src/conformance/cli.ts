#!/usr/bin/env node
// avocet-firehose-conformance: runs the suite on a consumer and prints the report.

import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { avocetAdapter } from './adapter.ts'
import { formatReport } from './report.ts'
import { type ConsumerAdapter, runConformance, type SuiteResult } from './run.ts'
import { CASES } from './suite.ts'
import { parseTimeLimits } from './time-limit.ts'

const HELP = `avocet-firehose-conformance [options] [adapter module ...]

Runs the firehose conformance suite. An adapter module has a ConsumerAdapter as its default export
({ name, version, start(environment) }). The word "avocet", or no module at all, is @avocet/firehose itself.

  --only <name or group>   run only these cases (repeatable)
  --timeout <ms>           how long a consumer may take to get past what was sent (3000)
  --timeout <name>=<ms>    the same in one case or group, for what a consumer is slow at (repeatable)
  --report <file>          write the Markdown report there, not to the standard output
  --list                   list the cases
  --help
`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', multiple: true },
      timeout: { type: 'string', multiple: true },
      report: { type: 'string' },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) {
    process.stdout.write(HELP)
    return 0
  }
  if (values.list === true) {
    for (const { group, name, about } of CASES) process.stdout.write(`${group}\t${name}\t${about}\n`)
    return 0
  }
  const timeoutMs = parseTimeLimits(values.timeout ?? [])
  const adapters = positionals.length === 0 ? [avocetAdapter(ownVersion())] : await loadAdapters(positionals)
  const suites: SuiteResult[] = []
  for (const adapter of adapters) {
    suites.push(
      await runConformance(adapter, {
        ...(values.only === undefined ? {} : { only: values.only }),
        timeoutMs,
        onResult: ({ name, ok }) =>
          void process.stderr.write(`${adapter.name}: ${name}: ${ok ? 'right' : 'wrong'}\n`),
      }),
    )
  }
  const report = formatReport(suites)
  if (values.report === undefined) process.stdout.write(report)
  else writeFileSync(values.report, report)
  return suites.every(({ results }) => results.every(({ ok }) => ok)) ? 0 : 1
}

async function loadAdapters(paths: readonly string[]): Promise<ConsumerAdapter[]> {
  const adapters: ConsumerAdapter[] = []
  for (const path of paths) {
    if (path === 'avocet') {
      adapters.push(avocetAdapter(ownVersion()))
      continue
    }
    const loaded = (await import(pathToFileURL(resolve(path)).href)) as { default?: ConsumerAdapter }
    if (typeof loaded.default?.start !== 'function')
      throw new Error(`no adapter as default export; module=${path}`)
    adapters.push(loaded.default)
  }
  return adapters
}

function ownVersion(): string {
  const manifest = createRequire(import.meta.url)('../../package.json') as { version: string }
  return manifest.version
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
