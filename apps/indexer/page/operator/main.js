// The operator's page: nothing is asked for before somebody has signed in.
import { openCoverage } from '../coverage.js'
import { openFailures } from '../failures.js'
import { ask, askAs, problem } from '../request.js'
import { openRouter } from '../router.js'
import { openConsumers } from './consumers.js'
import { letterActs } from './letters.js'
import { openOverview } from './overview.js'
import { openCollections, openRepos, repoActs } from './wanted.js'

const at = (id) => document.getElementById(id)

// The link would be taken for an address of the router.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault()
  at('main').focus()
})
// With the page goes what it remembers.
at('sign-out').addEventListener('click', () => location.reload())

function enter() {
  for (const id of ['views', 'sign-out']) at(id).hidden = false
  openRouter({
    overview: openOverview(),
    collections: openCollections(),
    repos: openRepos(),
    coverage: openCoverage(
      () => null,
      (repo) => [repoActs(repo)],
    ),
    failures: openFailures(letterActs),
    consumers: openConsumers(),
  })
}

at('sign-in-form').addEventListener('submit', async (event) => {
  event.preventDefault()
  const field = at('token')
  const submit = event.target.querySelector('button')
  submit.disabled = true
  at('sign-in-problem').replaceChildren()
  askAs({ authorization: `Bearer ${field.value.trim()}` })
  try {
    await ask('/admin/collections')
    field.value = ''
    enter()
    document.querySelector('main > section:not([hidden]) h2').focus()
  } catch (error) {
    askAs({})
    at('sign-in-problem').replaceChildren(problem(error))
    field.focus()
  }
  submit.disabled = false
})
