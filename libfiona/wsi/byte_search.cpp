// SPDX-License-Identifier: MIT
#include "libfiona/wsi/byte_search.h"

#include "libfiona/base/error.h"

#include <algorithm>

namespace fiona::wsi {

namespace {

constexpr std::size_t pairs = 65'536;

std::size_t pair_at(const char* bytes)
{
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8U
           | static_cast<unsigned char>(bytes[1]);
}

} // namespace

ByteSearch::ByteSearch(std::vector<std::string> texts)
    : m_texts{std::move(texts)}, m_candidates(pairs)
{
    for (const auto& text : m_texts) {
        if (text.size() < 2) {
            throw Error{Fault::internal, "a text of {} bytes cannot be searched for", text.size()};
        }
        m_shortest = m_shortest == 0 ? text.size() : std::min(m_shortest, text.size());
        m_longest = std::max(m_longest, text.size());
    }
    m_shortest = std::min<std::size_t>(m_shortest, 255);
    m_shifts.assign(pairs, static_cast<std::uint8_t>(m_shortest > 0 ? m_shortest - 1 : 1));
    for (std::size_t i = 0; i < m_texts.size(); ++i) {
        for (std::size_t at = 0; at + 1 < m_shortest; ++at) {
            auto& shift = m_shifts[pair_at(m_texts[i].data() + at)];
            shift = std::min(shift, static_cast<std::uint8_t>(m_shortest - 2 - at));
        }
        m_candidates[pair_at(m_texts[i].data() + m_shortest - 2)].push_back(
            static_cast<std::uint32_t>(i));
    }
}

void ByteSearch::search(std::string_view bytes, std::size_t fresh,
                        const std::function<void(Hit)>& found)
{
    for (std::size_t at = 0; at + m_shortest <= bytes.size();) {
        const auto pair = pair_at(bytes.data() + at + m_shortest - 2);
        const std::size_t shift = m_shifts[pair];
        if (shift != 0) {
            at += shift;
            continue;
        }
        for (const auto candidate : m_candidates[pair]) {
            const auto& text = m_texts[candidate];
            // What ends before the fresh bytes has been told already.
            if (at + text.size() > fresh && bytes.substr(at).starts_with(text)) {
                found({m_offset + at, candidate});
            }
        }
        ++at;
    }
}

void ByteSearch::add(std::string_view bytes, const std::function<void(Hit)>& found)
{
    if (m_texts.empty()) {
        return;
    }
    // First what begins in the bytes before: with no more of the new ones than it can need.
    const auto old = m_end.size();
    const auto keep = m_longest - 1;
    m_end += bytes.substr(0, std::min(bytes.size(), keep));
    search(m_end, old, [&](Hit hit) {
        if (hit.offset < m_offset + old) {
            found(hit);
        }
    });
    m_offset += old;
    search(bytes, 0, found);
    // The end of all, for the next time.
    m_end.resize(old);
    m_offset -= old;
    m_end += bytes.size() > keep ? bytes.substr(bytes.size() - keep) : bytes;
    const auto total = m_offset + old + bytes.size();
    if (m_end.size() > keep) {
        m_end.erase(0, m_end.size() - keep);
    }
    m_offset = total - m_end.size();
}

} // namespace fiona::wsi
