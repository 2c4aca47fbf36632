// Measures one piece of work done by us and by named peers in the same run, prints the ratios and keeps them as JSON, from
// which `node bench/report.ts` writes the tables of bench/README.md.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { join } from 'node:path'

import { do_not_optimize, measure } from 'mitata'

/** One measured candidate. `perSecond` counts items, not calls. */
export interface Measured {
  /** `avocet`, or the peer as `name@version`. */
  name: string
  perSecond: number
}

/** One piece of work with all who did it; the first is ours. */
export interface Row {
  work: string
  unit: string
  results: Measured[]
  /** Ours under other settings, in the same run, beside the first peer. */
  variants?: Measured[]
  /** What the ratio to the first peer should reach, where there is a target. */
  target?: number
  /** What ours should reach per second by itself, where there is such a target. */
  least?: number
  note?: string
}

/** What a file under bench/results holds. */
export interface Report {
  bench: string
  measuredAt: string
  machine: string
  node: string
  rows: Row[]
}

const rows: Row[] = []

/**
 * Measures the candidates one after the other, twice round, and keeps the better of each (the other core may be busy).
 *
 * @param work what is done, such as `decode a 769-byte post`
 * @param options `items`: how many items one call does (default 1); `unit`: their name; `target`: the ratio to reach against
 *   the first peer
 * @param candidates ours first; a peer's key is its package name, the version is added
 */
export async function compare(
  work: string,
  options: { unit: string; items?: number; target?: number; note?: string },
  candidates: Record<string, () => unknown>,
): Promise<Row> {
  const best = new Map<string, number>()
  for (let round = 0; round < 2; round += 1) {
    for (const [name, call] of Object.entries(candidates)) {
      // A promise must be awaited inside the measured call, anything else must not be.
      const first = call()
      const isAsync = first instanceof Promise
      await first
      const stats = await measure(
        isAsync ? async () => do_not_optimize(await call()) : () => do_not_optimize(call()),
        {
          min_cpu_time: 300 * 1e6,
        },
      )
      best.set(name, Math.min(best.get(name) ?? Infinity, stats.p50))
    }
  }
  return record(
    work,
    options,
    [...best].map(([name, nanoseconds]) => ({ name, perSecond: ((options.items ?? 1) * 1e9) / nanoseconds })),
  )
}

/** Keeps and prints a row that was measured in another way (a server under load, a long stream). */
export function record(
  work: string,
  options: { unit: string; target?: number; least?: number; note?: string },
  results: readonly Measured[],
  variants: readonly Measured[] = [],
): Row {
  const row: Row = {
    work,
    unit: options.unit,
    results: results.map(({ name, perSecond }, index) => ({
      name: index === 0 || name.includes('@', 1) || !name.includes('/') ? name : withVersion(name),
      perSecond: rounded(perSecond),
    })),
    ...(variants.length === 0
      ? {}
      : { variants: variants.map(({ name, perSecond }) => ({ name, perSecond: rounded(perSecond) })) }),
    ...(options.target === undefined ? {} : { target: options.target }),
    ...(options.least === undefined ? {} : { least: options.least }),
    ...(options.note === undefined ? {} : { note: options.note }),
  }
  rows.push(row)
  const [ours, ...peers] = row.results
  const ratios = peers.map(
    (peer) => `${(ours!.perSecond / peer.perSecond).toFixed(2)}× ${peer.name} (${human(peer.perSecond)})`,
  )
  const least =
    row.least === undefined
      ? ''
      : `  target ${human(row.least)}/s: ${ours!.perSecond >= row.least ? 'pass' : 'FAIL'}`
  const goal = row.target === undefined ? least : `  target ${row.target}×`
  console.log(`${work}: ${human(ours!.perSecond)} ${row.unit}/s  ${ratios.join('  ')}${goal}`)
  for (const { name, perSecond } of variants) {
    const beside = peers.slice(0, 1).map((peer) => `${(perSecond / peer.perSecond).toFixed(2)}× ${peer.name}`)
    console.log(`  ${name}: ${human(perSecond)} ${row.unit}/s  ${beside.join('  ')}`)
  }
  return row
}

/** Writes what was measured to bench/results/<bench>.json. */
export function save(bench: string): void {
  const report: Report = {
    bench,
    measuredAt: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    node: process.versions.node,
    rows,
  }
  const folder = join(import.meta.dirname, '../results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${bench}.json`), `${JSON.stringify(report, null, 2)}\n`)
}

/** 1234567 → `1.23 M`. */
export function human(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`
  if (value >= 1e3) return `${(value / 1e3).toPrecision(3)} k`
  return value.toPrecision(3)
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}

/** The installed version of a package, found from its files because many export no package.json. */
export function withVersion(name: string): string {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? []
  for (const path of paths) {
    try {
      const { version } = JSON.parse(readFileSync(join(path, name, 'package.json'), 'utf8')) as {
        version: string
      }
      return `${name}@${version}`
    } catch {
      // not in this folder
    }
  }
  return name
}
