import type { Check } from './check/context.ts'
import { createContext, type Context } from './check/context.ts'
import type {
  Issue,
  StandardProps,
  StandardResult,
  Validation,
  ValidateOptions,
  Validator,
} from './validation.ts'

/** Ends at the first issue. */
const QUICK: ValidateOptions = { maxIssues: 1 }

/** A value with defaults filled in or strings shortened; the same value where there is nothing to do. */
export type Rewrite = (value: unknown, how: { defaults: boolean; truncate: boolean }) => unknown

/**
 * A validator over a check that is compiled at its first use.
 *
 * @param defaults whether defaults are filled in unless an option says otherwise
 */
export function createValidator<T, In = T>(
  compile: () => Check,
  rewrite: Rewrite,
  defaults = false,
): Validator<T, In> {
  let check: Check | undefined
  function validate(value: unknown, options?: ValidateOptions): Validation<T> {
    check ??= compile()
    const context = createContext(options)
    const how = { defaults: options?.defaults ?? defaults, truncate: options?.truncate ?? false }
    const subject = how.defaults || how.truncate ? rewrite(value, how) : value
    if (check(subject, context)) return { ok: true, value: subject as T }
    return { ok: false, issues: close(context) }
  }
  const standard: StandardProps<In, T> = {
    version: 1,
    vendor: 'avocet',
    validate: (value) => toStandard(validate(value)),
  }
  return {
    validate,
    is: (value): value is T => {
      check ??= compile()
      return check(value, createContext(QUICK))
    },
    '~standard': standard,
  }
}

function close(context: Context): readonly Issue[] {
  const issues = context.issues ?? []
  if (issues.length >= context.max && context.max > 1) {
    const message = `has ${context.max} issues or more`
    issues[issues.length - 1] = { path: '', code: 'too-many-issues', message }
  }
  return issues
}

function toStandard<T>(result: Validation<T>): StandardResult<T> {
  if (result.ok) return { value: result.value }
  return {
    issues: result.issues.map(({ path, message }) => ({ message, path: pointerKeys(path) })),
  }
}

/** The keys of a JSON pointer; array indexes come as numbers. */
function pointerKeys(pointer: string): PropertyKey[] {
  if (pointer === '') return []
  return pointer
    .slice(1)
    .split('/')
    .map((step) =>
      /^(?:0|[1-9][0-9]*)$/.test(step) ? Number(step) : step.replaceAll('~1', '/').replaceAll('~0', '~'),
    )
}
