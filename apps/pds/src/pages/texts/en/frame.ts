/** The foot of every page. */
export const footer = {
  label: 'About this service',
  /** Leads past the navigation, by keyboard. */
  skip: 'Skip to the content',
  home: 'Home',
  terms: 'Terms of service',
  privacy: 'Privacy policy',
  support: 'Help',
}
export type FooterTexts = Readonly<typeof footer>

/** Pages of errors. */
export const error = {
  title: 'That did not work',
  back: 'Go back to the app and begin again there.',
  requestGone: 'This sign-in is over, or was finished already.',
  requestElsewhere: 'This sign-in was begun in another browser. For your safety it has been ended.',
  invalidRequest: 'The app sent a request that cannot be used.',
  invalidForm: 'This form cannot be used. Nothing was done.',
  invalidClient: 'What the app says about itself cannot be used.',
  invalidScope: 'The app asks for something that this server cannot grant.',
  unavailable: 'The app cannot be reached now. Try again in a few minutes.',
  crossSite: 'This request came from another site, or from inside another page. Nothing was done.',
  expiredForm:
    'This page is out of date, or your browser does not keep the cookies of this site. Nothing was done.',
  notSignedIn: 'This account is not signed in on this device any more. Nothing was done.',
  tooMany: 'Too many requests came from your network. Try again in a few minutes.',
  failed: 'Something went wrong here. Try again in a few minutes.',
  notFound: 'There is no such page.',
}
export type ErrorTexts = Readonly<typeof error>
