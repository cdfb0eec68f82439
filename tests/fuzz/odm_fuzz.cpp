// SPDX-License-Identifier: MIT
// A document that was read has a dictionary with a record id, and events; it can be written and read
// again with the same fields.
#include "libfiona/base/error.h"
#include "libfiona/redcapd/odm.h"
#include "tests/fuzz/fuzz.h"

#include <optional>

using namespace fiona;

namespace {

std::optional<redcapd::OdmProject> parsed(std::string_view text)
{
    try {
        return redcapd::read_odm(text, "input");
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
        return std::nullopt;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto project = parsed(as_text(data, size));
    if (!project) {
        return 0;
    }
    const auto& schema = project->schema;
    promise(!schema.fields.empty() && !schema.events.empty() && !schema.arms.empty());
    for (const auto& row : project->rows) {
        promise(row.contains(schema.record_id()));
    }
    redcapd::OdmWriter writer{schema, "2024-01-02T09:30:00"};
    const auto again = parsed(writer.take());
    promise(again.has_value() && again->schema.fields.size() == schema.fields.size()
            && again->schema.events.size() == schema.events.size());
    return 0;
}
