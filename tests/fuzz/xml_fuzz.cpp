// SPDX-License-Identifier: MIT
// What was read can be written, and is read back as the same tree.
#include "libfiona/base/error.h"
#include "libfiona/redcapd/xml.h"
#include "tests/fuzz/fuzz.h"

#include <optional>
#include <string>

using namespace fiona;
using redcapd::xml::Element;

namespace {

std::optional<Element> parsed(std::string_view text)
{
    try {
        return redcapd::xml::parse(text, "input", {.max_depth = 20, .max_elements = 10'000});
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
        return std::nullopt;
    }
}

std::string written(const Element& element)
{
    auto out = "<" + element.name;
    int number = 0; // two names may differ in their prefix only
    for (const auto& [name, value] : element.attributes) {
        out += " " + name + "." + std::to_string(number++) + "=\"" + redcapd::xml::escaped(value)
               + "\"";
    }
    out += ">" + redcapd::xml::cdata(element.text);
    for (const auto& child : element.children) {
        out += written(child);
    }
    return out + "</" + element.name + ">";
}

bool equal(const Element& a, const Element& b)
{
    if (a.name != b.name || a.text != b.text || a.attributes.size() != b.attributes.size()
        || a.children.size() != b.children.size()) {
        return false;
    }
    for (std::size_t i = 0; i < a.attributes.size(); ++i) {
        if (a.attributes[i].second != b.attributes[i].second) {
            return false;
        }
    }
    for (std::size_t i = 0; i < a.children.size(); ++i) {
        if (!equal(a.children[i], b.children[i])) {
            return false;
        }
    }
    return true;
}

/// Without its prefix a name may be none any more: `a:1`.
bool has_names(const Element& element)
{
    const auto good = [](const std::string& name) {
        const auto first = name.empty() ? '0' : name.front();
        return (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
    };
    bool all = good(element.name);
    for (const auto& attribute : element.attributes) {
        all = all && good(attribute.first);
    }
    for (const auto& child : element.children) {
        all = all && has_names(child);
    }
    return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto tree = parsed(as_text(data, size));
    if (tree && has_names(*tree)) {
        const auto again = parsed(written(*tree));
        promise(again.has_value() && equal(*tree, *again));
    }
    return 0;
}
