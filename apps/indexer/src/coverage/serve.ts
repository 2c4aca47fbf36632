// `/coverage` and `/metrics`.

import type { Status } from '../http/status.ts'
import { createMetrics } from './metrics.ts'
import { coverageOf } from './report.ts'

/** Answers them; null for other paths. */
export function createCoverageAnswers(
  status: () => Status,
): (request: Request) => Response | Promise<Response> | null {
  const metrics = createMetrics()
  const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
  return (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return null
    switch (new URL(request.url).pathname) {
      case '/coverage':
        return new Response(JSON.stringify(coverageOf(status())), {
          headers: {
            ...headers,
            'content-type': 'application/json; charset=utf-8',
            'access-control-allow-origin': '*',
          },
        })
      case '/metrics':
        return metrics
          .render(status())
          .then(
            (text) => new Response(text, { headers: { ...headers, 'content-type': metrics.contentType } }),
          )
      default:
        return null
    }
  }
}
