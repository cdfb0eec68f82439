// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// XML as a tree of plain values, read with expat. Strangers send it: no document type, hence no
/// entities of their own and nothing fetched from anywhere; depth, size and number are bounded.
namespace fiona::redcapd::xml {

struct Element {
    std::string name; ///< without its prefix: `redcap:FieldType` is FieldType
    std::vector<std::pair<std::string, std::string>> attributes; ///< the same
    std::string text;                                            ///< all of its own text, joined
    std::vector<Element> children;

    /// The attribute of that name; "" if there is none.
    [[nodiscard]] std::string_view attribute(std::string_view attribute_name) const;
    /// The first child of that name; nullptr if there is none.
    [[nodiscard]] const Element* child(std::string_view child_name) const;
};

struct Limits {
    std::size_t max_bytes = std::size_t{32} << 20U;
    std::size_t max_depth = 32;
    std::size_t max_elements = 2'000'000;
};

/// The root. Throws Error{Fault::data} naming `what` and the line, never the content.
[[nodiscard]] Element parse(std::string_view text, std::string_view what, Limits limits = {});

/// Text or the value of an attribute, with what XML 1.0 cannot hold replaced by U+FFFD.
[[nodiscard]] std::string escaped(std::string_view text);
/// `<![CDATA[...]]>`, in parts where the text itself ends one.
[[nodiscard]] std::string cdata(std::string_view text);

} // namespace fiona::redcapd::xml
