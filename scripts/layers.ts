// Keeps the arrows inside apps/pds/src pointing down. Its folders, and the files beside them, stand in layers; each may import
// lower layers only, types counted. This list is the one place that says so: the picture in ARCHITECTURE.md, between
// `<!-- pds-layers -->` and `<!-- /pds-layers -->`, is written from it and from the imports as they are.
//
//   node scripts/layers.ts                    writes the picture
//   node scripts/layers.ts --check            exit 1 when an import points up or sideways, or the picture is out of date
//   node scripts/layers.ts --cycles <folder>  prints the imports that are part of circles there, as a picture
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, normalize, sep } from 'node:path'

/** From the bottom to the top. A name is a folder of apps/pds/src, or a file there without its `.ts`. */
const LAYERS: readonly (readonly [what: string, units: readonly string[]])[] = [
  ['words', ['account', 'errors', 'logger', 'redact', 'terminal', 'version']],
  ['settings', ['config']],
  ['places of blobs', ['blobs']],
  ['stores', ['stores']],
  ['data directory, health', ['embedded-stores', 'health', 'storage']],
  ['errors on the wire', ['wire-errors']],
  ['who calls', ['auth']],
  ['bounds and records', ['audit', 'limits']],
  ['watching', ['operations']],
  ['ways out', ['events', 'mail', 'outbound']],
  ['identities', ['identity']],
  ['other services', ['proxy']],
  ['repositories', ['repos']],
  ['second factors', ['factors']],
  ['sign-ins of apps', ['oauth']],
  ['accounts', ['accounts']],
  ['what clients and operators see', ['app-view', 'operator']],
  ['pages of owners', ['pages']],
  ['pages of the operator', ['admin']],
  ['pages, parts for embedders', ['embedding', 'http']],
  ['composition root', ['app']],
  ['offline work', ['adopt', 'doctor', 'move']],
  ['commands', ['commands']],
  ['process', ['main']],
]

const root = join(import.meta.dirname, '..')

/** An import from one unit into another: files, relative to the sources. */
interface Arrow {
  readonly from: string
  readonly to: string
  readonly files: readonly [string, string]
}

const unitOf = (file: string): string => file.split(sep)[0]!.replace(/\.ts$/, '')

function arrowsIn(sources: string): Arrow[] {
  return readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .toSorted()
    .flatMap((file) => {
      const text = readFileSync(join(sources, file), 'utf8')
      const named = [...text.matchAll(/\b(?:from|import|import\()\s*'(\.{1,2}\/[^']+)'/g)]
      return named.map(([, path]): Arrow => {
        const target = normalize(join(dirname(file), path!))
        return { from: unitOf(file), to: unitOf(target), files: [file, target] }
      })
    })
    .filter(({ from, to }) => from !== to)
}

/** What breaks the order, a line each. */
function problemsOf(sources: string, arrows: readonly Arrow[]): string[] {
  const level = new Map(LAYERS.flatMap(([, units], at) => units.map((unit) => [unit, at] as const)))
  const there = new Set(readdirSync(sources).map(unitOf))
  return [
    ...[...there].filter((unit) => !level.has(unit)).map((unit) => `${unit}: stands in no layer`),
    ...[...level.keys()]
      .filter((unit) => !there.has(unit))
      .map((unit) => `${unit}: stands in a layer and is not there`),
    ...arrows
      .filter(({ from, to }) => (level.get(to) ?? -1) >= (level.get(from) ?? Infinity))
      .map(({ files: [file, target] }) => `${file} imports ${target}: not a lower layer`),
  ]
}

/** What methods a folder has, and whether they are registered in one place. */
function methodProblems(sources: string): string[] {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  const methods = files.filter((file) => basename(dirname(file)) === 'methods' && file.endsWith('.ts'))
  return methods.flatMap((file) => {
    const index = `${dirname(file)}.ts`
    const nsid = basename(file, '.ts')
    const registered =
      files.includes(index) && readFileSync(join(sources, index), 'utf8').includes(`'./methods/${nsid}.ts'`)
    return registered ? [] : [`${file}: is not added by ${index}`]
  })
}

/** The edges between units, those left out that a longer path implies. */
function picture(arrows: readonly Arrow[]): string {
  const uses = new Map<string, Set<string>>()
  for (const { from, to } of arrows) uses.set(from, (uses.get(from) ?? new Set()).add(to))
  const reach = (unit: string): Set<string> =>
    new Set([...(uses.get(unit) ?? [])].flatMap((used) => [used, ...reach(used)]))
  const lines = ['```mermaid', 'graph BT']
  for (const [at, [what, units]] of LAYERS.entries()) {
    lines.push(
      `  subgraph ${String.fromCharCode(97 + at)}["${what}"]`,
      ...units.map((unit) => `    ${unit}`),
      '  end',
    )
  }
  for (const [from, targets] of [...uses].toSorted(([a], [b]) => a.localeCompare(b))) {
    const implied = new Set([...targets].flatMap((used) => [...reach(used)]))
    for (const to of [...targets].toSorted((a, b) => a.localeCompare(b)))
      if (!implied.has(to)) lines.push(`  ${from} --> ${to}`)
  }
  return [...lines, '```'].join('\n')
}

/** Those arrows alone that a way leads back from. */
function circles(arrows: readonly Arrow[]): string {
  const edges = new Set(arrows.map(({ from, to }) => `${from} ${to}`))
  const leads = (from: string, to: string, seen: Set<string>): boolean =>
    [...edges].some((edge) => {
      const [a, b] = edge.split(' ') as [string, string]
      if (a !== from || seen.has(b)) return false
      return b === to || leads(b, to, seen.add(b))
    })
  const circular = [...edges].filter((edge) => {
    const [from, to] = edge.split(' ') as [string, string]
    return leads(to, from, new Set())
  })
  return [
    '```mermaid',
    'graph BT',
    ...circular.toSorted((a, b) => a.localeCompare(b)).map((edge) => `  ${edge.replace(' ', ' --> ')}`),
    '```',
  ].join('\n')
}

if (process.argv[2] === '--cycles') {
  console.log(circles(arrowsIn(process.argv[3]!)))
} else {
  const check = process.argv.includes('--check')
  const sources = join(root, 'apps/pds/src')
  const arrows = arrowsIn(sources)
  const problems = [...problemsOf(sources, arrows), ...methodProblems(sources)]
  for (const problem of problems) console.log(`apps/pds/src: ${problem}`)
  if (problems.length === 0) {
    const path = join(root, 'ARCHITECTURE.md')
    const before = readFileSync(path, 'utf8')
    const pattern = /(<!-- pds-layers -->\n).*?(<!-- \/pds-layers -->)/s
    if (!pattern.test(before)) throw new Error('ARCHITECTURE.md has no marks for the layers of apps/pds')
    const after = before.replace(
      pattern,
      (_, open: string, close: string) => `${open}${picture(arrows)}\n${close}`,
    )
    if (after !== before) {
      if (!check) writeFileSync(path, after)
      console.log(
        check ? 'ARCHITECTURE.md is out of date: run node scripts/layers.ts' : 'wrote ARCHITECTURE.md',
      )
      if (check) problems.push('picture')
    }
  }
  process.exitCode = problems.length === 0 ? 0 : 1
}
