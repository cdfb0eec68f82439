// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pixel/limited_child.h"
#include "libfiona/wsi/jpeg_encoder.h"
#include "libfiona/wsi/level_frames.h"
#include "libfiona/wsi/openslide_reader.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <thread>

namespace fiona::wsi {

namespace {

using std::chrono::steady_clock;

constexpr std::uint32_t tile_side = 512; // pixels
constexpr std::uint64_t frames_of_a_child = 32;
constexpr unsigned most_children = 4;

/// Frames one behind the other, each with its length in four bytes of this machine.
void append(std::string& answer, ByteSpan frame)
{
    const auto bytes = static_cast<std::uint32_t>(frame.size());
    const auto begin = answer.size();
    answer.resize(begin + sizeof bytes + frame.size());
    std::memcpy(&answer[begin], &bytes, sizeof bytes);
    std::memcpy(&answer[begin + sizeof bytes], frame.data(), frame.size());
}

class DecodedFrames final : public LevelFrames {
public:
    DecodedFrames(const Slide& slide, const SlideImage& level)
        : m_slide{slide.path()}, m_width{level.width}, m_height{level.height},
          m_across{(level.width + tile_side - 1) / tile_side},
          m_children{std::clamp(std::thread::hardware_concurrency(), 1U, most_children)}
    {
        m_coding = {"1.2.840.10008.1.2.4.50", "YBR_FULL_422", false, tile_side, tile_side};
        m_frames = m_across * ((level.height + tile_side - 1) / tile_side);
        m_most_bytes = m_frames * tile_side * tile_side * 3;
    }

    [[nodiscard]] std::optional<ByteSpan> next() override
    {
        if (m_at == m_answer.size()) {
            m_answer = next_answer();
            m_at = 0;
        }
        std::uint32_t bytes = 0;
        if (m_answer.size() - m_at < sizeof bytes) {
            throw Error{Fault::internal, "a decoder gave too few frames"};
        }
        std::memcpy(&bytes, &m_answer[m_at], sizeof bytes);
        m_at += sizeof bytes;
        if (bytes > m_answer.size() - m_at) {
            throw Error{Fault::internal, "a decoder gave half a frame"};
        }
        const auto frame = std::as_bytes(std::span{m_answer}).subspan(m_at, bytes);
        m_at += bytes;
        return frame;
    }

    [[nodiscard]] const std::string& why_not() const override { return m_why_not; }

private:
    [[nodiscard]] std::string decode(std::uint64_t first, std::uint64_t end) const
    {
        const LevelReader reader{m_slide, m_width, m_height};
        std::string answer;
        for (auto frame = first; frame < end; ++frame) {
            const auto rgb = reader.read({0, frame % m_across * tile_side,
                                          frame / m_across * tile_side, tile_side, tile_side});
            append(answer, encode_jpeg(std::as_bytes(std::span{rgb}),
                                       {tile_side, tile_side, JpegColour::ycc}));
        }
        return answer;
    }

    /// What the eldest child says; the others go on meanwhile.
    [[nodiscard]] std::string next_answer()
    {
        while (m_running.size() < m_children && m_started < m_frames) {
            const auto first = m_started;
            m_started = std::min(first + frames_of_a_child, m_frames);
            m_running.push_back(std::make_unique<pixel::LimitedChild>(
                pixel::ChildLimits{},
                [this, first, end = m_started] { return decode(first, end); }));
        }
        if (m_running.empty()) {
            throw Error{Fault::internal, "more frames asked for than there are"};
        }
        const auto child = std::move(m_running.front());
        m_running.pop_front();
        for (bool done = false; !done && steady_clock::now() < child->deadline();) {
            constexpr int patience = 1000; // milliseconds
            pollfd event{child->fd(), POLLIN, 0};
            done = ::poll(&event, 1, patience) > 0 && child->take();
        }
        return child->finish();
    }

    std::filesystem::path m_slide;
    std::uint64_t m_width;
    std::uint64_t m_height;
    std::uint64_t m_across;
    std::size_t m_children;
    std::uint64_t m_started = 0; ///< frames given to children
    std::deque<std::unique_ptr<pixel::LimitedChild>> m_running;
    std::string m_answer;
    std::size_t m_at = 0;
    std::string m_why_not;
};

} // namespace

std::unique_ptr<LevelFrames> encode_anew(const Slide& slide, const SlideImage& level)
{
    return std::make_unique<DecodedFrames>(slide, level);
}

} // namespace fiona::wsi
