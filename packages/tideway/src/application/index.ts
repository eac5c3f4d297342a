export { defineApplication, type ApplicationDefinition, type DefinedApplication } from './define-application.ts'
