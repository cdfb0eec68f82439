// SPDX-License-Identifier: MIT
#include "libfiona/base/json_place.h"

#include "libfiona/base/number.h"

#include <algorithm>

namespace fiona::json {

namespace {

/// Walks over text that parse() has read, and so need not complain.
class Walker {
public:
    explicit Walker(std::string_view text) : m_text{text} { skip_blanks(); }

    [[nodiscard]] std::size_t position() const { return m_at; }

    /// To the element of that number, or nowhere.
    [[nodiscard]] bool enter(std::size_t index)
    {
        if (!take('[')) {
            return false;
        }
        for (; !is_at(']') && !is_at_end(); --index) {
            if (index == 0) {
                return true;
            }
            skip_value();
            static_cast<void>(take(','));
        }
        return false;
    }

    /// To the member of that name, as it is written; or nowhere.
    [[nodiscard]] bool enter(std::string_view name)
    {
        if (!take('{')) {
            return false;
        }
        while (!is_at('}') && !is_at_end()) {
            const auto start = m_at + 1;
            skip_string();
            const auto key = m_text.substr(start, m_at - start - 1);
            skip_blanks();
            static_cast<void>(take(':'));
            if (key == name) {
                return true;
            }
            skip_value();
            static_cast<void>(take(','));
        }
        return false;
    }

private:
    [[nodiscard]] bool is_at_end() const { return m_at >= m_text.size(); }
    [[nodiscard]] bool is_at(char c) const { return !is_at_end() && m_text[m_at] == c; }

    void skip_blanks()
    {
        m_at = std::min(m_text.find_first_not_of(" \t\r\n", m_at), m_text.size());
    }

    bool take(char c)
    {
        if (!is_at(c)) {
            return false;
        }
        ++m_at;
        skip_blanks();
        return true;
    }

    void skip_string()
    {
        ++m_at;
        while (!is_at_end() && m_text[m_at] != '"') {
            m_at += m_text[m_at] == '\\' ? 2U : 1U;
        }
        m_at = std::min(m_at + 1, m_text.size());
    }

    void skip_value()
    {
        std::size_t depth = 0;
        do {
            if (is_at('"')) {
                skip_string();
            } else if (is_at('[') || is_at('{')) {
                ++depth;
                ++m_at;
            } else if (is_at(']') || is_at('}')) {
                --depth;
                ++m_at;
            } else if (is_at(',') || is_at(':')) {
                ++m_at;
            } else {
                m_at = std::min(m_text.find_first_of(",:]}[{\" \t\r\n", m_at), m_text.size());
            }
            skip_blanks();
        } while (depth > 0 && !is_at_end());
    }

    std::string_view m_text;
    std::size_t m_at = 0;
};

/// The next step of a path, `[3]` or `.name`, taken off its front.
std::string_view next_step(std::string_view& path)
{
    if (path.starts_with('.')) {
        path.remove_prefix(1);
    }
    const auto end = std::min(path.find_first_of(".[", 1), path.size());
    const auto step = path.substr(0, end);
    path.remove_prefix(end);
    return step;
}

bool enter(Walker& walker, std::string_view step)
{
    if (!step.starts_with('[')) {
        return walker.enter(step);
    }
    const auto index = read_number<std::size_t>(step.substr(1, step.size() - 2));
    return index && walker.enter(*index);
}

} // namespace

Place place_of(std::string_view text, std::string_view path)
{
    Walker walker{text};
    auto at = walker.position();
    while (!path.empty() && enter(walker, next_step(path))) {
        at = walker.position();
    }
    const auto before = text.substr(0, at);
    return {.line = 1 + static_cast<std::size_t>(std::ranges::count(before, '\n')),
            .column = before.size() - (before.rfind('\n') + 1) + 1};
}

} // namespace fiona::json
