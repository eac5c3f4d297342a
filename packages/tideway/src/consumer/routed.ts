import type { UrlRoute } from '../asgi/url-route.ts'

/** What the URL route adds to the scope; nothing is asked of it by a consumer that takes no arguments from the URL. */
export type Routed<Kwargs extends object> = {} extends Kwargs
  ? { readonly urlRoute?: UrlRoute }
  : { readonly urlRoute: UrlRoute<Kwargs> }
