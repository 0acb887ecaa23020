#include "config/schema.h"

#include "base/format.h"
#include "config/setting.h"

namespace hv::config {

using base::json::Array;
using base::json::Object;

base::json::Value schema() {
  Object properties;
  properties["version"] = Object{{"const", 1}, {"description", "The version of this format"}};
  for (const KeySpec& setting : settings()) {
    if (!properties.contains(setting.section))
      properties[setting.section] =
          Object{{"type", "object"}, {"additionalProperties", false}, {"properties", Object{}}};
    Object property;
    property["type"] = setting.kind == Kind::boolean ? "boolean" : "string";
    if (setting.kind == Kind::choice) property["enum"] = Array(setting.choices.begin(), setting.choices.end());
    if (setting.kind == Kind::text) property["pattern"] = "^[^\\u0000-\\u001f\\u007f]+$";
    if (setting.kind == Kind::duration) property["pattern"] = "^([0-9]+(\\.[0-9]+)?(d|h|m|s|ms))+$";
    if (setting.kind == Kind::size) property["pattern"] = "^[0-9]+(\\.[0-9]+)? *([KMGT]i?B?|B)?$";
    if (setting.fallback && setting.kind == Kind::boolean)
      property["default"] = *setting.fallback == "true";
    else if (setting.fallback)
      property["default"] = *setting.fallback;
    property["description"] = setting.without.empty()
                                  ? std::string(setting.help)
                                  : base::format("{}. When it is not there: {}", setting.help, setting.without);
    properties[setting.section].as_object()["properties"].as_object()[setting.name] = std::move(property);
  }
  return Object{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                {"title", "Hydravisor's config.toml"},
                {"type", "object"},
                {"required", Array{"version"}},
                {"additionalProperties", false},
                {"properties", std::move(properties)}};
}

}  // namespace hv::config
