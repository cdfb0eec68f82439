// SPDX-License-Identifier: MIT
// A request's parameters, the rows in its `data` and its filter: refused with a text, or read.
#include "libfiona/base/error.h"
#include "libfiona/redcapd/data_rows.h"
#include "libfiona/redcapd/filter.h"
#include "libfiona/redcapd/form_data.h"
#include "tests/fuzz/fuzz.h"

using namespace fiona;
using namespace fiona::redcapd;

namespace {

void read_rows(const FormData& form, Format format)
{
    try {
        for (const auto& row : data_rows(form.text("data"), format, ',', Parts::join)) {
            promise(value_of(row, "no such column").empty() || row.contains("no such column"));
        }
    } catch (const Refusal& refusal) {
        promise(refusal.status() == 400 || refusal.status() == 406);
    }
}

void read_filter(const FormData& form)
{
    try {
        const Filter filter{form.text("filterLogic")};
        static_cast<void>(filter.matches([](std::size_t index) { return std::to_string(index); }));
    } catch (const Refusal& refusal) {
        promise(refusal.status() == 400);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    try {
        const auto form = FormData::parse(as_text(data, size));
        promise(form.digest().size() == 64);
        static_cast<void>(form.list("fields"));
        static_cast<void>(form.flag("override"));
        for (const auto format : {Format::json, Format::csv, Format::xml}) {
            read_rows(form, format);
        }
        read_filter(form);
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
