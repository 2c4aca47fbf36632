// The results as Markdown.

import type { CaseResult, SuiteResult } from './run.ts'

/** One table: a row per case, a column per consumer; a summary by group above it. */
export function formatReport(suites: readonly SuiteResult[]): string {
  const [first] = suites
  if (first === undefined) return ''
  const lines = [
    `Cases right, by group (${suites.map(({ consumer, version, date }) => `${consumer} ${version}, ${date}`).join('; ')}):`,
    '',
    `| group | cases | ${suites.map(({ consumer }) => consumer).join(' | ')} |`,
    `|---|---|${suites.map(() => '---').join('|')}|`,
  ]
  const groups = [...new Set(first.results.map(({ group }) => group))]
  const row = (label: string, select: (result: CaseResult) => boolean): string => {
    const total = first.results.filter(select).length
    const right = suites.map(({ results }) => results.filter((result) => select(result) && result.ok).length)
    return `| ${label} | ${total} | ${right.join(' | ')} |`
  }
  for (const group of groups) lines.push(row(group, (result) => result.group === group))
  lines.push(
    row('**all**', () => true),
    '',
  )
  lines.push(
    `| case | shows | ${suites.map(({ consumer }) => consumer).join(' | ')} |`,
    `|---|---|${suites.map(() => '---').join('|')}|`,
  )
  for (const { name, about } of first.results) {
    const marks = suites.map(({ results }) => mark(results.find((result) => result.name === name)))
    lines.push(`| ${name} | ${about} | ${marks.join(' | ')} |`)
  }
  return `${lines.join('\n')}\n`
}

function mark(result: CaseResult | undefined): string {
  if (result === undefined) return '–'
  if (result.ok) return 'right'
  const accepts = result.mismatches.some(({ delivered, due }) => delivered > due)
  const refuses = result.mismatches.some(({ delivered, due }) => delivered < due)
  const words = [
    ...(accepts ? ['**accepts what is wrong**'] : []),
    ...(refuses ? ['**loses what is right**'] : []),
    ...(result.stalled ? ['**stalls**'] : []),
    ...(result.crashed ? ['**throws uncaught**'] : []),
  ]
  return words.join(', ')
}
