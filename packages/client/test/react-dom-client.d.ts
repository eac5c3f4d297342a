// The one function that the React test needs; the packages of types for react-dom are not a dependency of the project.
declare module 'react-dom/client' {
  import type { ReactNode } from 'react'

  export function createRoot(element: Element): { render(node: ReactNode): void; unmount(): void }
}
