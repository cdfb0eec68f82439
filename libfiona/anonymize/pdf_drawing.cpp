// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/pdf_drawing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <string>

namespace fiona::anonymize {

namespace {

/// Of a page: the frame of a letter and the lines between its parts. The shortest bar code of a number of
/// six digits (Code 128) has 19 bars.
constexpr std::size_t most_rules = 16;

struct Element {
    std::string_view name; ///< "/g" at the end of one
    std::string_view attributes;
    bool is_whole = false; ///< `<path .../>`: has no end of its own
};

/// The next element behind `at`, which is moved; nothing at the end.
std::optional<Element> next_element(std::string_view svg, std::size_t& at)
{
    const auto begin = svg.find('<', at);
    const auto end = svg.find('>', begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) {
        return std::nullopt;
    }
    at = end + 1;
    auto text = svg.substr(begin + 1, end - begin - 1);
    Element element;
    element.is_whole = text.ends_with('/') || text.ends_with('?');
    text.remove_suffix(element.is_whole ? 1 : 0);
    element.name = text.substr(0, text.find_first_of(" \t\r\n"));
    element.attributes = text.substr(element.name.size());
    return element;
}

std::string_view attribute(const Element& element, std::string_view name)
{
    const auto start = std::string{" "} + std::string{name} + "=\"";
    const auto at = element.attributes.find(start);
    if (at == std::string_view::npos) {
        return {};
    }
    const auto value = element.attributes.substr(at + start.size());
    return value.substr(0, value.find('"'));
}

/// The rules of an outline: level or upright lines, and rectangles of them. Nothing if it is anything else.
class Rules {
public:
    static std::optional<std::size_t> count(std::string_view outline)
    {
        Rules rules{outline};
        while (!rules.m_left.empty() && rules.m_is_straight) {
            rules.step();
        }
        rules.end_figure();
        return rules.m_is_straight ? std::optional{rules.m_count} : std::nullopt;
    }

private:
    struct Point {
        double x = 0;
        double y = 0;
    };

    explicit Rules(std::string_view outline) : m_left{outline} { skip_blanks(); }

    void skip_blanks()
    {
        m_left.remove_prefix(std::min(m_left.find_first_not_of(" ,"), m_left.size()));
    }

    double number()
    {
        double value = 0;
        const auto* const end = m_left.data() + m_left.size();
        const auto read = std::from_chars(m_left.data(), end, value);
        m_is_straight = m_is_straight && read.ec == std::errc{};
        m_left.remove_prefix(static_cast<std::size_t>(read.ptr - m_left.data()));
        skip_blanks();
        return value;
    }

    void step()
    {
        const char command = m_left.front();
        m_left.remove_prefix(1);
        skip_blanks();
        switch (command) {
        case 'M':
            end_figure();
            m_at.x = number();
            m_at.y = number();
            m_start = m_at;
            break;
        case 'L': {
            const auto x = number();
            line_to({x, number()});
            break;
        }
        case 'H': line_to({number(), m_at.y}); break;
        case 'V': line_to({m_at.x, number()}); break;
        case 'Z': line_to(m_start); break;
        default: m_is_straight = false;
        }
    }

    void line_to(Point to)
    {
        constexpr double nothing = 0.01; // of a point
        const bool is_level = std::abs(to.y - m_at.y) < nothing;
        const bool is_upright = std::abs(to.x - m_at.x) < nothing;
        m_is_straight = m_is_straight && (is_level || is_upright);
        m_lines += is_level && is_upright ? 0 : 1;
        m_at = to;
    }

    void end_figure()
    {
        constexpr std::size_t sides = 4;
        m_is_straight = m_is_straight && m_lines <= sides; // more turns could be those of a letter
        m_count += m_lines == 0 ? 0 : 1;
        m_lines = 0;
    }

    std::string_view m_left;
    Point m_at;
    Point m_start;
    std::size_t m_lines = 0; ///< of this figure
    std::size_t m_count = 0;
    bool m_is_straight = true;
};

class Reading {
public:
    PdfDrawing take(std::string_view svg)
    {
        const bool has_pages = svg.find("<page>") != std::string_view::npos;
        if (!has_pages) {
            begin_page();
        }
        std::size_t at = 0;
        while (const auto element = next_element(svg, at)) {
            look_at(*element);
        }
        m_found.may_be_writing = m_found.may_be_writing || m_found.letters.empty()
                                 || m_glyph_depth > 0 || svg.find("<svg") == std::string_view::npos;
        return std::move(m_found);
    }

private:
    void begin_page()
    {
        m_found.letters.push_back(0);
        m_rules = 0;
    }

    void look_at(const Element& element)
    {
        if (m_glyph_depth > 0) {
            look_into_glyph(element);
            return;
        }
        constexpr std::array<std::string_view, 12> frame{
            "?xml", "svg",       "/svg",    "defs",     "/defs", "g",
            "/g",   "/clipPath", "pageSet", "/pageSet", "/page", "clipPath"};
        const auto id = attribute(element, "id");
        const bool is_glyph =
            (element.name == "symbol" || element.name == "g") && id.starts_with("glyph");
        if (is_glyph) {
            m_glyph = id;
            m_glyph_is_empty = true;
            m_glyph_depth = element.is_whole ? 0 : 1;
        } else if (element.name == "page") {
            begin_page();
        } else if (element.name == "path") {
            look_at_outline(attribute(element, "d"));
        } else if (element.name == "rect" && !m_found.letters.empty()) {
            add_rules(1);
        } else if (element.name == "use") {
            look_at_reference(attribute(element, "xlink:href"));
        } else {
            m_in_clip = element.name == "clipPath" || (m_in_clip && element.name != "/clipPath");
            m_found.may_be_writing =
                m_found.may_be_writing || std::ranges::find(frame, element.name) == frame.end();
        }
    }

    void look_into_glyph(const Element& element)
    {
        const bool is_end = element.name.starts_with('/');
        m_glyph_depth += is_end ? -1 : element.is_whole ? 0 : 1;
        const bool is_empty = is_end || element.name == "g"
                              || (element.name == "path" && attribute(element, "d").empty());
        m_glyph_is_empty = m_glyph_is_empty && is_empty;
        if (m_glyph_depth == 0 && m_glyph_is_empty) {
            m_blanks.insert("#" + m_glyph);
        }
    }

    void look_at_outline(std::string_view outline)
    {
        const auto rules = Rules::count(outline);
        if (!rules || (m_in_clip && *rules > 1)) {
            m_found.may_be_writing = true;
        } else if (!m_in_clip) { // a frame through which one looks shows nothing by itself
            add_rules(*rules);
        }
    }

    void add_rules(std::size_t count)
    {
        m_rules += count;
        m_found.may_be_writing = m_found.may_be_writing || m_rules > most_rules;
    }

    void look_at_reference(std::string_view target)
    {
        if (!target.starts_with("#glyph") || m_found.letters.empty()) {
            m_found.may_be_writing = true; // a picture, or a part that is used again
        } else if (!m_blanks.contains(target)) {
            ++m_found.letters.back();
        }
    }

    PdfDrawing m_found;
    std::set<std::string, std::less<>> m_blanks; ///< references to glyphs without an outline
    std::string m_glyph;
    bool m_glyph_is_empty = true;
    int m_glyph_depth = 0; ///< 0: outside of a glyph
    bool m_in_clip = false;
    std::size_t m_rules = 0; ///< of this page
};

} // namespace

PdfDrawing read_drawing(std::string_view svg)
{
    return Reading{}.take(svg);
}

} // namespace fiona::anonymize
