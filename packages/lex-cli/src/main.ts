#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { loadBundled } from './bundled.ts'
import { check } from './check.ts'
import { readLexicons } from './folder.ts'
import { generate } from './generate.ts'
import { install } from './install.ts'
import { createNetworkResolver, type NetworkOptions } from './network.ts'
import { countProblems, formatProblems, printable } from './problem.ts'
import { loadServedLexicons } from './served.ts'
import { show } from './show.ts'
import { watch } from './watch.ts'

type GenerateFlags = { servedBy?: string; out: string; client?: true; server?: true; watch?: true }
type NetworkFlags = { plcUrl?: string; dns?: string[]; allowLoopback?: true }

const program = new Command('avocet-lex')
  .description('Install, check and read lexicons, and generate TypeScript from them.')
  .version(
    (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
      .version,
  )

withNetwork(
  program
    .command('install')
    .description('install lexicons by NSID, with everything they refer to, and lock them by their CIDs')
    .argument('[nsid...]', 'what to install; nothing means what the lock file names')
    .option('--dir <folder>', 'the folder to install to', 'lexicons')
    .option('--from <folder>', 'take them from a folder in place of the network')
    .option('--update', 'take newer versions than the lock file names'),
).action(async (nsids: string[], flags: NetworkFlags & { dir: string; from?: string; update?: true }) => {
  const result = await install({
    nsids,
    folder: flags.dir,
    bundled: await loadBundled(),
    resolver: createNetworkResolver(networkOptions(flags)),
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.update === undefined ? {} : { update: true }),
  })
  if (!result.ok) return fail(result.reasons.join('\n'))
  for (const { nsid, state, cid } of result.installed) console.log(`${state.padEnd(7)} ${nsid} ${cid}`)
  return undefined
})

program
  .command('check')
  .description(
    'check lexicons: references, the style guide, and what would break for users of a published version',
  )
  .argument('[path...]', 'files and folders', ['lexicons'])
  .option('--against <path...>', 'the published version to compare with')
  .option('--ignore <rule...>', 'rules of style to leave out')
  .option('--strict', 'fail on warnings too')
  .option('--json', 'print the problems as JSON')
  .action(
    async (paths: string[], flags: { against?: string[]; ignore?: string[]; strict?: true; json?: true }) => {
      const { problems, lexicons } = await check({
        paths,
        bundled: await loadBundled(),
        ...(flags.against === undefined ? {} : { against: flags.against }),
        ...(flags.ignore === undefined ? {} : { ignore: flags.ignore }),
      })
      if (flags.json) console.log(JSON.stringify(problems, null, 2))
      else if (problems.length > 0) console.log(formatProblems(problems))
      if (!flags.json) console.log(`${lexicons} lexicons: ${countProblems(problems)}`)
      if (lexicons === 0 && problems.length === 0) return fail(`no lexicons in ${paths.join(', ')}`)
      if (problems.some(({ severity }) => severity === 'error' || flags.strict)) process.exitCode = 1
      return undefined
    },
  )

program
  .command('generate')
  .description('generate TypeScript: a module for each lexicon, and an index of them')
  .argument('[path...]', 'files and folders (default: lexicons, or none with --served-by)')
  .option(
    '--served-by <url or file>',
    'also the lexicons of the queries of an avocet-indexer, and of its records; a file: what `avocet-indexer lexicons` printed',
  )
  .option('--out <folder>', 'the folder to write to', 'src/lexicons')
  .option('--client', 'also client.ts, the methods as typed functions (for @avocet/xrpc-client)')
  .option('--server', "also server.ts, the types of the methods' handlers (for @avocet/xrpc-server)")
  .option('--watch', 'generate again after every change')
  .action(async (given: string[], flags: GenerateFlags) => {
    const bundled = await loadBundled()
    const paths = given.length === 0 && flags.servedBy === undefined ? ['lexicons'] : given
    const others = flags.servedBy === undefined ? [] : await loadServedLexicons(flags.servedBy)
    const run = async (): Promise<void> => {
      const result = await generate({
        paths,
        others,
        out: flags.out,
        bundled,
        client: flags.client ?? false,
        server: flags.server ?? false,
      })
      process.exitCode = result.ok ? 0 : 1
      if (!result.ok) return console.error(formatProblems(result.problems))
      return console.log(`${flags.out}: ${result.files.length} files, ${result.changed.length} changed`)
    }
    if (!flags.watch) return run()
    const controller = new AbortController()
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
    return watch(paths, run, { signal: controller.signal })
  })

withNetwork(
  program
    .command('show')
    .description('print a lexicon for reading: from a folder, the bundled ones, or the network')
    .argument('<nsid>')
    .option('--dir <folder>', 'the folder to look in first', 'lexicons')
    .option('--json', 'print the document itself'),
).action(async (nsid: string, flags: NetworkFlags & { dir: string; json?: true }) => {
  const { lexicons } = await readLexicons([flags.dir])
  let document =
    lexicons.find((source) => source.document.id === nsid)?.document ?? (await loadBundled())(nsid)
  if (document === undefined) {
    const resolved = await createNetworkResolver(networkOptions(flags)).resolve(nsid)
    if (!resolved.ok) return fail(`${resolved.error.code}: ${resolved.error.message}`)
    document = resolved.value.document
  }
  console.log(flags.json ? JSON.stringify(document, null, 2) : show(document))
  return undefined
})

try {
  await program.parseAsync()
} catch (error) {
  fail((error as Error).message)
}

function withNetwork(command: Command): Command {
  return command
    .option('--plc-url <url>', 'the PLC directory', readUrl)
    .option('--dns <server...>', 'DNS servers, address or address:port')
    .option('--allow-loopback', 'for development: servers on this machine, over http')
}

function networkOptions({ plcUrl, dns, allowLoopback }: NetworkFlags): NetworkOptions {
  return {
    ...(plcUrl === undefined ? {} : { plcUrl }),
    ...(dns === undefined ? {} : { dns }),
    ...(allowLoopback === undefined ? {} : { allowLoopback }),
  }
}

function readUrl(text: string): string {
  if (!URL.canParse(text)) throw new InvalidArgumentError('Must be a URL.')
  return text
}

function fail(message: string): void {
  console.error(printable(`avocet-lex: ${message}`))
  process.exitCode = 1
}
