// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/text_encoding.h"

#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::anonymize {

namespace {

constexpr Tag charset_tag{0x0008, 0x0005};

/// Nothing is changed unless everything fits: first all is tried, then all is set.
bool fits(const Item& item, const Charset& around)
{
    const auto* const own = item.find(charset_tag);
    std::optional<Charset> own_set;
    if (own != nullptr) {
        own_set.emplace(trimmed(own->value()));
    }
    const auto& set = own_set ? *own_set : around;
    return std::ranges::all_of(item.elements, [&](const Element& element) {
        return element.is_sequence ? std::ranges::all_of(
                   element.items, [&](const Item& nested) { return fits(nested, set); })
                                   : !element.is_utf8 || set.encode(element.value()).has_value();
    });
}

void encode(Item& item, const Charset& around)
{
    const auto* const own = item.find(charset_tag);
    std::optional<Charset> own_set;
    if (own != nullptr) {
        own_set.emplace(trimmed(own->value()));
    }
    const auto& set = own_set ? *own_set : around;
    for (auto& element : item.elements) {
        if (element.is_utf8) {
            element.set(set.encode(element.value()).value());
        }
        for (auto& nested : element.items) {
            encode(nested, set);
        }
    }
}

void to_unicode(Item& item, const Charset& around)
{
    const auto* const own = item.find(charset_tag);
    std::optional<Charset> own_set;
    if (own != nullptr) {
        own_set.emplace(trimmed(own->value()));
    }
    const auto& set = own_set ? *own_set : around;
    std::erase_if(item.elements, [](const Element& element) { return element.tag == charset_tag; });
    for (auto& element : item.elements) {
        const bool is_plain =
            is_ascii(element.value()) && element.value().find('\x1b') == std::string_view::npos;
        if (is_encoded_text(element.vr) && !element.is_utf8 && !is_plain) {
            element.set(set.decode(element.value(), element.vr).utf8);
        }
        element.is_utf8 = false;
        for (auto& nested : element.items) {
            to_unicode(nested, set);
        }
    }
}

} // namespace

std::string_view declared_charset(const Item& item, std::string_view around)
{
    const auto* const own = item.find(charset_tag);
    return own == nullptr || own->is_sequence ? around : trimmed(own->value());
}

void encode_texts(Item& root, Declared declared)
{
    const Charset ascii{""};
    if (declared == Declared::truthful && fits(root, ascii)) {
        encode(root, ascii);
        return;
    }
    to_unicode(root, ascii);
    Element charset;
    charset.tag = charset_tag;
    charset.vr = "CS";
    charset.set("ISO_IR 192");
    root.elements.insert(std::ranges::lower_bound(root.elements, charset_tag, {}, &Element::tag),
                         charset);
}

} // namespace fiona::anonymize
