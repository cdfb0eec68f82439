// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/xml.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <expat.h>

#include <algorithm>
#include <memory>
#include <type_traits>

namespace fiona::redcapd::xml {

namespace {

struct ParserFreed {
    void operator()(XML_Parser parser) const noexcept { XML_ParserFree(parser); }
};
using Parser = std::unique_ptr<std::remove_pointer_t<XML_Parser>, ParserFreed>;

std::string local_name(std::string_view name)
{
    const auto colon = name.rfind(':');
    return std::string{colon == std::string_view::npos ? name : name.substr(colon + 1)};
}

/// What expat tells, as a tree. Expat is C: no exception may pass through it, so what is refused is
/// noted and the parser stopped.
struct Builder {
    XML_Parser parser = nullptr;
    Limits limits;
    Element root;               ///< its only child is the document's
    std::vector<Element*> open; ///< children grow only at the innermost one: pointers stay good
    std::size_t elements = 0;
    std::string refused;
    bool out_of_memory = false;

    void refuse(std::string reason)
    {
        refused = std::move(reason);
        XML_StopParser(parser, XML_FALSE);
    }

    template <typename Do>
    void guarded(Do work) noexcept
    {
        try {
            work();
        } catch (const std::bad_alloc&) {
            out_of_memory = true;
            XML_StopParser(parser, XML_FALSE);
        }
    }

    static Builder& of(void* data) { return *static_cast<Builder*>(data); }

    static void start(void* data, const XML_Char* name, const XML_Char** attributes)
    {
        auto& self = of(data);
        self.guarded([&] {
            if (self.open.size() > self.limits.max_depth) {
                self.refuse(fmt::format("nested deeper than {}", self.limits.max_depth));
                return;
            }
            if (++self.elements > self.limits.max_elements) {
                self.refuse(fmt::format("more than {} elements", self.limits.max_elements));
                return;
            }
            auto& element = self.open.back()->children.emplace_back();
            element.name = local_name(name);
            // NOLINTNEXTLINE(cppcoreguidelines-pro-bounds-pointer-arithmetic) expat's list
            for (; *attributes != nullptr; attributes += 2) {
                // NOLINTNEXTLINE(cppcoreguidelines-pro-bounds-pointer-arithmetic) name, value
                element.attributes.emplace_back(local_name(attributes[0]), attributes[1]);
            }
            self.open.push_back(&element);
        });
    }

    static void end(void* data, const XML_Char* /*name*/)
    {
        auto& self = of(data);
        self.open.pop_back();
    }

    static void characters(void* data, const XML_Char* text, int size)
    {
        auto& self = of(data);
        self.guarded([&] { self.open.back()->text.append(text, static_cast<std::size_t>(size)); });
    }

    static void doctype(void* data, const XML_Char* /*name*/, const XML_Char* /*system*/,
                        const XML_Char* /*public*/, int /*internal*/)
    {
        auto& self = of(data);
        self.guarded([&] { self.refuse("a document type, which is not taken"); });
    }
};

} // namespace

std::string_view Element::attribute(std::string_view attribute_name) const
{
    const auto found =
        std::ranges::find(attributes, attribute_name, [](const auto& a) { return a.first; });
    return found == attributes.end() ? std::string_view{} : found->second;
}

const Element* Element::child(std::string_view child_name) const
{
    const auto found = std::ranges::find(children, child_name, &Element::name);
    return found == children.end() ? nullptr : &*found;
}

Element parse(std::string_view text, std::string_view what, Limits limits)
{
    if (text.size() > limits.max_bytes) {
        throw Error{Fault::data, "{}: {} bytes of XML, more than the {} allowed", what, text.size(),
                    limits.max_bytes};
    }
    const Parser parser{XML_ParserCreate(nullptr)};
    if (!parser) {
        throw std::bad_alloc{};
    }
    Builder builder;
    builder.parser = parser.get();
    builder.limits = limits;
    builder.open.push_back(&builder.root);
    XML_SetUserData(parser.get(), &builder);
    XML_SetElementHandler(parser.get(), Builder::start, Builder::end);
    XML_SetCharacterDataHandler(parser.get(), Builder::characters);
    XML_SetStartDoctypeDeclHandler(parser.get(), Builder::doctype);
    const auto status =
        XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
    if (builder.out_of_memory) {
        throw std::bad_alloc{};
    }
    if (status != XML_STATUS_OK) {
        const auto line = XML_GetCurrentLineNumber(parser.get());
        const auto* const reason = XML_ErrorString(XML_GetErrorCode(parser.get()));
        throw Error{Fault::data, "{}: line {}: {}", what, line,
                    builder.refused.empty() ? std::string_view{reason}
                                            : std::string_view{builder.refused}};
    }
    return std::move(builder.root.children.front());
}

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD

bool is_legal(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 || c == '\t' || c == '\n' || c == '\r';
}

/// XML 1.0 section 2.2: no control characters, no U+FFFE and U+FFFF.
std::string legal(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto three = text.substr(at, 3);
        if (three == "\xef\xbf\xbe" || three == "\xef\xbf\xbf") {
            out += replacement;
            at += 2;
        } else if (is_legal(text[at])) {
            out += text[at];
        } else {
            out += replacement;
        }
    }
    return is_utf8(out) ? out : std::string{replacement};
}

} // namespace

std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : legal(text)) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\n': out += "&#10;"; break; // an attribute would lose it
        case '\r': out += "&#13;"; break;
        case '\t': out += "&#9;"; break;
        default: out += c;
        }
    }
    return out;
}

std::string cdata(std::string_view text)
{
    constexpr std::string_view end = "]]>";
    std::string out = "<![CDATA[";
    auto rest = legal(text);
    // A reader turns CR LF into LF; only a reference carries a carriage return.
    for (std::size_t at = 0; at < rest.size(); ++at) {
        if (std::string_view{rest}.substr(at, end.size()) == end) {
            out += "]]]]><![CDATA[>";
            at += end.size() - 1;
        } else if (rest[at] == '\r') {
            out += "]]>&#13;<![CDATA[";
        } else {
            out += rest[at];
        }
    }
    return out + std::string{end};
}

} // namespace fiona::redcapd::xml
