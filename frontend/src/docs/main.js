// The reference of the API: Swagger UI, with the OpenAPI document of this server.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./docs.css";

SwaggerUI({
  dom_id: "#docs",
  url: "/api/openapi.json",
  deepLinking: true,
  filter: true,
  // Lists operations; each opens with a click.
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // Keeps the token over a reload, in this browser only.
  persistAuthorization: true,
  // Without an address, the document is not sent to a validator elsewhere.
  validatorUrl: null,
});
