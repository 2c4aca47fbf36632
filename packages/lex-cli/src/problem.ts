/** How bad a problem is: an `error` fails a command, a `warning` does so under `--strict` alone. */
export type Severity = 'error' | 'warning'

/** Something wrong in a file of lexicons, said so that it can be found and mended. */
export type Problem = {
  readonly severity: Severity
  /** What kind: the name of a rule, or `json`, `lexicon`, `reference`. */
  readonly rule: string
  readonly file: string
  /** Where in the document, as a JSON pointer. */
  readonly path: string
  readonly message: string
  /** What to do about it. */
  readonly hint?: string
  /** 1-based; absent where the file has no such place. */
  readonly line?: number
  readonly column?: number
}

/** A text of strangers for a terminal: its control characters, which could move the cursor or hide lines, made visible. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, (char) =>
    char === '\n' ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`,
  )
}

/** Problems as lines for a terminal: place, severity, message, hint. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems
    .map(({ severity, rule, file, path, message, hint, line, column }) => {
      const place = line === undefined ? file : `${file}:${line}:${column}`
      const at = path === '' ? '' : ` ${path}`
      return printable(
        `${place} ${severity} [${rule}]${at}: ${message}${hint === undefined ? '' : `\n    hint: ${hint}`}`,
      )
    })
    .join('\n')
}

/** How many there are, in words. */
export function countProblems(problems: readonly Problem[]): string {
  const count = (severity: Severity): number =>
    problems.filter((problem) => problem.severity === severity).length
  const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`
  return `${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}`
}
