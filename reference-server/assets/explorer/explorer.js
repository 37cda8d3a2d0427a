// Every operation with its permission beside it; a token that is given lasts as long as the page.
SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#explorer",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  showExtensions: true,
  tagsSorter: "alpha",
  validatorUrl: null,
});
