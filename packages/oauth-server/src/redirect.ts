// https://www.rfc-editor.org/rfc/rfc9207, https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html

import { hash } from 'node:crypto'

import type { AuthorizationRedirect, DenialCode } from './page.ts'
import type { RequestParameters } from './rows.ts'

/** The way back with a code, or with an error. */
export function redirectOf(
  issuer: string,
  { redirectUri, responseMode, state }: RequestParameters,
  answer: { readonly code: string } | { readonly error: DenialCode; readonly description: string },
): AuthorizationRedirect {
  const parameters: [string, string][] = [['iss', issuer]]
  if (state !== null) parameters.push(['state', state])
  if ('code' in answer) parameters.push(['code', answer.code])
  else parameters.push(['error', answer.error], ['error_description', answer.description])
  return { redirectUri, mode: responseMode, parameters }
}

/** The form posts itself; without scripts there is a button. */
const SCRIPT = 'document.forms[0].submit()'
const HEADERS = {
  'cache-control': 'no-store',
  // The URL that the answer is for must not be told to anybody.
  'referrer-policy': 'no-referrer',
}

/** The answer that takes a browser back to the client: a redirect, or a page with a form that posts itself. */
export function redirectResponse({ redirectUri, mode, parameters }: AuthorizationRedirect): Response {
  if (mode === 'form_post') return formPage(redirectUri, parameters)
  const text = new URLSearchParams(
    parameters.map(([name, value]): [string, string] => [name, value]),
  ).toString()
  const separator = mode === 'fragment' ? '#' : redirectUri.includes('?') ? '&' : '?'
  return new Response(null, {
    status: 303,
    headers: { ...HEADERS, location: redirectUri + separator + text },
  })
}

function formPage(action: string, parameters: AuthorizationRedirect['parameters']): Response {
  const inputs = parameters.map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  )
  const page =
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Continue</title>' +
    `<form method="post" action="${escapeHtml(action)}">${inputs.join('')}<button>Continue</button></form>` +
    `<script>${SCRIPT}</script></html>`
  // No `form-action`: browsers would hold it against redirects of the client, too.
  const policy = `default-src 'none'; script-src 'sha256-${hash('sha256', SCRIPT, 'base64')}'; frame-ancestors 'none'; base-uri 'none'`
  return new Response(page, {
    headers: {
      ...HEADERS,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
  })
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!)
}
