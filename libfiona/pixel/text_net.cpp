// SPDX-License-Identifier: MIT
#include "libfiona/pixel/text_net.h"

#include "libfiona/pixel/local_contrast.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fiona::pixel {

namespace {

constexpr std::size_t narrow = 8; // channels of the first layer
constexpr std::size_t wide = 16;  // of the others
constexpr std::size_t cell = TextMap::cell;

constexpr auto weights = std::to_array<float>({
#include "libfiona/pixel/text_net_weights.inc"
});

/// Weights in the order of the sum: [row][column][in][out], so that the outputs are neighbours.
template <std::size_t In, std::size_t Out, std::size_t Side>
struct Layer {
    std::array<float, Side * Side * In * Out> weight{};
    std::array<float, Out> bias{};

    /// Takes its numbers from `from`, as the training wrote them ([out][in][row][column]).
    constexpr explicit Layer(const float* from)
    {
        for (std::size_t out = 0; out < Out; ++out) {
            for (std::size_t in = 0; in < In; ++in) {
                for (std::size_t tap = 0; tap < Side * Side; ++tap) {
                    weight[(tap * In + in) * Out + out] = from[(out * In + in) * Side * Side + tap];
                }
            }
            bias[out] = from[Side * Side * In * Out + out];
        }
    }
    static constexpr std::size_t numbers = Side * Side * In * Out + Out;
};

using First = Layer<1, narrow, 5>;
using Second = Layer<narrow, wide, 3>;
using Further = Layer<wide, wide, 3>;
constexpr std::size_t last_numbers = wide + 1;

struct Network {
    First first{weights.data()};
    Second second{weights.data() + First::numbers};
    std::array<Further, 3> further{
        Further{weights.data() + First::numbers + Second::numbers},
        Further{weights.data() + First::numbers + Second::numbers + Further::numbers},
        Further{weights.data() + First::numbers + Second::numbers + 2 * Further::numbers}};
    /// One weight for each channel, then the bias.
    const float* last = weights.data() + weights.size() - last_numbers;
};
static_assert(weights.size()
                  == First::numbers + Second::numbers + 3 * Further::numbers + last_numbers,
              "the weights are of another network");

/// What each layer answers where the picture is flat, far from everything.
struct FlatAnswers {
    std::array<float, narrow> first{};
    std::array<std::array<float, wide>, 4> further{};

    explicit FlatAnswers(const Network& net)
    {
        std::ranges::transform(net.first.bias, first.begin(),
                               [](float bias) { return std::max(0.0F, bias); });
        further[0] = answer<narrow>(net.second, first);
        for (std::size_t i = 0; i < 3; ++i) {
            further[i + 1] = answer<wide>(net.further[i], further[i]);
        }
    }

private:
    template <std::size_t In>
    static std::array<float, wide> answer(const Layer<In, wide, 3>& layer,
                                          const std::array<float, In>& before)
    {
        auto sum = layer.bias;
        for (std::size_t i = 0; i < 9 * In * wide; ++i) {
            sum[i % wide] += layer.weight[i] * before[i / wide % In];
        }
        for (auto& value : sum) {
            value = std::max(0.0F, value);
        }
        return sum;
    }
};

/// The rows of a layer that the next one still needs, with zeros around the picture.
template <std::size_t Channels>
class Rows {
public:
    static constexpr std::size_t pad = 4; // places left of a row: the widest kernel reaches so far

    /// `keeps`, a power of two: so many rows. Right of a row are `pad` and whatever a block is longer.
    Rows(std::size_t width, std::size_t height, std::size_t keeps)
        : m_width{width}, m_height{height}, m_stride{pad + width + right}, m_mask{keeps - 1},
          m_places(m_stride * keeps), m_outside(m_stride)
    {
    }
    [[nodiscard]] std::size_t width() const { return m_width; }
    [[nodiscard]] std::size_t height() const { return m_height; }
    /// The first place of a row among the last ones written; zeros above and below the picture.
    [[nodiscard]] const float* row(std::ptrdiff_t y) const
    {
        const bool is_outside = y < 0 || y >= static_cast<std::ptrdiff_t>(m_height);
        return is_outside ? m_outside.data()->data() + pad * Channels
                          : m_places.data()[first_place(static_cast<std::size_t>(y))].data();
    }
    /// To be written, with up to `block` places behind its end; then call end_row().
    [[nodiscard]] float* new_row(std::size_t y) { return m_places.data()[first_place(y)].data(); }
    void end_row(std::size_t y)
    {
        std::fill_n(new_row(y) + m_width * Channels, right * Channels, 0.0F);
    }

private:
    static constexpr std::size_t right = 16;
    using Place = std::array<float, Channels>;

    [[nodiscard]] std::size_t first_place(std::size_t y) const
    {
        return (y & m_mask) * m_stride + pad;
    }

    std::size_t m_width;
    std::size_t m_height;
    std::size_t m_stride;
    std::size_t m_mask;
    std::vector<Place> m_places;
    std::vector<Place> m_outside;
};

/// The cells of a row of which something must be known; a place belongs to cell `place >> shift`.
struct Wanted {
    const std::uint8_t* cells;
    std::size_t shift;

    [[nodiscard]] bool any(std::size_t first_place, std::size_t last_place) const
    {
        return std::any_of(cells + (first_place >> shift), cells + (last_place >> shift) + 1,
                           [](std::uint8_t is_wanted) { return is_wanted != 0; });
    }
};

/// What a processor has: registers of `lanes` floats; the sums of `block` places stay in them.
template <std::size_t Lanes, std::size_t Block>
struct Processor {
    static constexpr std::size_t lanes = Lanes;
    static constexpr std::size_t block = Block;
};

/// As many floats as go into one register. (A vector type that depends on a template's parameter
/// loses its size as an argument of another template.)
template <std::size_t Lanes>
struct RegisterOf;
template <>
struct RegisterOf<4> {
    [[gnu::vector_size(16)]] float values;
};
template <>
struct RegisterOf<8> {
    [[gnu::vector_size(32)]] float values;
};
template <>
struct RegisterOf<16> {
    [[gnu::vector_size(64)]] float values;
};
template <std::size_t Lanes>
struct Register : RegisterOf<Lanes> {
    [[gnu::always_inline]] static inline Register of(const float* from)
    {
        Register made;
        __builtin_memcpy(&made, from, sizeof(made));
        return made;
    }
};

/// The sums of a block of neighbouring places: `lines` begin at the first tap of the kernel.
template <typename Cpu, std::size_t Stride, std::size_t In, std::size_t Out, std::size_t Side>
[[gnu::always_inline]] inline void convolve_block(const Layer<In, Out, Side>& layer,
                                                  const std::array<const float*, Side>& lines,
                                                  std::size_t spread, float* target)
{
    constexpr auto lanes = std::min(Cpu::lanes, Out);
    constexpr auto parts = Out / lanes;
    // One loop over all registers everywhere: of nested ones gcc keeps the sums in memory.
    constexpr auto registers = Cpu::block * parts;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init) all of it is set in the next loop
    std::array<Register<lanes>, registers> sums; // [place][part]
#pragma GCC unroll 16
    for (std::size_t i = 0; i < registers; ++i) {
        sums[i] = Register<lanes>::of(layer.bias.data() + i % parts * lanes);
    }
    const float* weight = layer.weight.data();
    for (std::size_t row = 0; row < Side; ++row) {
        for (std::size_t column = 0; column < Side; ++column) {
            const float* const places = lines[row] + column * spread * In;
            for (std::size_t in = 0; in < In; ++in, weight += Out) {
#pragma GCC unroll 16
                for (std::size_t i = 0; i < registers; ++i) {
                    sums[i].values += places[i / parts * Stride * In + in]
                                      * Register<lanes>::of(weight + i % parts * lanes).values;
                }
            }
        }
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < registers; ++i) {
        __builtin_memcpy(target + i * lanes, &sums[i], sizeof(sums[i]));
    }
    for (std::size_t i = 0; i < Cpu::block * Out; ++i) {
        target[i] = target[i] > 0.0F ? target[i] : 0.0F;
    }
}

/// One row of a convolution, then ReLU. Blocks of which nothing is wanted get `flat`.
template <typename Cpu, std::size_t Stride, std::size_t In, std::size_t Out, std::size_t Side>
[[gnu::always_inline]] inline void // NOLINTNEXTLINE(readability-function-size) inlined inner loops
convolve_row(const Layer<In, Out, Side>& layer, const std::array<float, Out>& flat,
             const Rows<In>& input, Rows<Out>& output, std::size_t y, std::size_t spread,
             const Wanted& wanted)
{
    constexpr auto half = static_cast<std::ptrdiff_t>(Side / 2);
    const auto reach = static_cast<std::ptrdiff_t>(spread);
    float* target = output.new_row(y);
    std::array<const float*, Side> lines{};
    for (std::size_t row = 0; row < Side; ++row) {
        const auto offset = (static_cast<std::ptrdiff_t>(row) - half) * reach;
        lines[row] = input.row(static_cast<std::ptrdiff_t>(y * Stride) + offset)
                     - half * reach * static_cast<std::ptrdiff_t>(In);
    }
    for (std::size_t x = 0; x < output.width(); x += Cpu::block) {
        if (wanted.any(x, std::min(x + Cpu::block, output.width()) - 1)) {
            convolve_block<Cpu, Stride>(layer, lines, spread, target);
        } else {
            for (std::size_t i = 0; i < Cpu::block; ++i) {
                std::ranges::copy(flat, target + i * Out);
            }
        }
        target += Cpu::block * Out;
        for (auto& line : lines) {
            line += Cpu::block * Stride * In;
        }
    }
    output.end_row(y);
}

[[gnu::target_clones("avx2", "default")]] void join_rows(const std::uint8_t* row, std::size_t width,
                                                         std::uint8_t* least, std::uint8_t* most)
{
    for (std::size_t x = 0; x < width; ++x) {
        least[x] = row[x] < least[x] ? row[x] : least[x];
        most[x] = row[x] > most[x] ? row[x] : most[x];
    }
}

/// Cells near which something stands out; in the rest there is nothing to read.
std::vector<std::uint8_t> busy_cells(const GrayPlane& plane)
{
    constexpr int stands_out = 6; // levels; less is not legible
    constexpr std::size_t reach = 3;
    const std::size_t width = plane.width;
    const auto columns = (width + cell - 1) / cell;
    const auto rows = (plane.height + cell - 1) / cell;
    std::vector<std::uint8_t> busy(columns * rows);
    std::vector<std::uint8_t> near(columns);
    std::vector<std::uint8_t> least(columns * cell);
    std::vector<std::uint8_t> most(columns * cell);
    for (std::size_t y = 0; y < rows; ++y) {
        std::ranges::fill(least, 255);
        std::ranges::fill(most, 0);
        // One row more: an edge between two cells belongs to both.
        const auto end = std::min<std::size_t>(plane.height, (y + 1) * cell + 1);
        for (auto row = y * cell; row < end; ++row) {
            join_rows(plane.row(static_cast<std::uint32_t>(row)), width, least.data(), most.data());
        }
        std::ranges::fill(near, 0);
        for (std::size_t x = 0; x < columns; ++x) {
            const auto first = x * cell;
            const auto last = std::min(width, first + cell + 1);
            const int low = *std::min_element(least.data() + first, least.data() + last);
            const int high = *std::max_element(most.data() + first, most.data() + last);
            if (high - low >= stands_out) {
                std::fill(near.data() + (x - std::min(x, reach)),
                          near.data() + std::min(columns, x + reach + 1), 1);
            }
        }
        for (auto at = y - std::min(y, reach); at < std::min(rows, y + reach + 1); ++at) {
            for (std::size_t x = 0; x < columns; ++x) {
                busy[at * columns + x] |= near[x];
            }
        }
    }
    return busy;
}

/// One look at one picture, from top to bottom: each layer is a few rows behind the one before, so that
/// everything stays in the cache.
class Pass {
public:
    Pass(const Network& net, const FlatAnswers& flat, const GrayPlane& plane, TextMap& map)
        : m_net{net}, m_flat{flat}, m_plane{plane}, m_map{map},
          m_contrast{plane}, m_busy{busy_cells(plane)}, m_picture{plane.width, plane.height, 8},
          m_first{halved(plane.width), halved(plane.height), 4}, m_second{map.columns, map.rows, 4},
          m_third{map.columns, map.rows, 8}, m_fourth{map.columns, map.rows, 16}, m_fifth{
                                                                                      map.columns,
                                                                                      map.rows, 1}
    {
    }

    template <typename Cpu>
    [[gnu::always_inline]] inline void run()
    {
        // How far behind the second layer the others are: the reach of all kernels between.
        constexpr std::size_t third_behind = 1;
        constexpr std::size_t fourth_behind = 3;
        constexpr std::size_t fifth_behind = 7;
        for (std::size_t y = 0; y < m_map.rows + fifth_behind; ++y) {
            if (y < m_map.rows) {
                start_row<Cpu>(y);
            }
            if (y >= third_behind && y - third_behind < m_map.rows) {
                const auto row = y - third_behind;
                convolve_row<Cpu, 1>(m_net.further[0], m_flat.further[1], m_second, m_third, row, 1,
                                     wanted(row));
            }
            if (y >= fourth_behind && y - fourth_behind < m_map.rows) {
                const auto row = y - fourth_behind;
                convolve_row<Cpu, 1>(m_net.further[1], m_flat.further[2], m_third, m_fourth, row, 2,
                                     wanted(row));
            }
            if (y >= fifth_behind) {
                const auto row = y - fifth_behind;
                convolve_row<Cpu, 1>(m_net.further[2], m_flat.further[3], m_fourth, m_fifth, row, 4,
                                     wanted(row));
                answer(row);
            }
        }
    }

private:
    static std::size_t halved(std::size_t pixels) { return (pixels + 1) / 2; }

    [[nodiscard]] Wanted wanted(std::size_t row) const
    {
        return {m_busy.data() + row * m_map.columns, 0};
    }

    /// The first two layers, for one row of cells.
    template <typename Cpu>
    [[gnu::always_inline]] inline void start_row(std::size_t y)
    {
        for (; m_picture_rows < std::min<std::size_t>(m_plane.height, cell * y + cell + 1);
             ++m_picture_rows) {
            m_contrast.next(m_picture.new_row(m_picture_rows));
            m_picture.end_row(m_picture_rows);
        }
        for (auto row = 2 * y; row < std::min(2 * y + 2, m_first.height()); ++row) {
            convolve_row<Cpu, 2>(m_net.first, m_flat.first, m_picture, m_first, row, 1,
                                 {wanted(y).cells, 1});
        }
        convolve_row<Cpu, 2>(m_net.second, m_flat.further[0], m_first, m_second, y, 1, wanted(y));
    }

    void answer(std::size_t y)
    {
        constexpr float hopeless = -4; // nobody asks how unlikely it is
        const auto* features = m_fifth.row(static_cast<std::ptrdiff_t>(y));
        for (std::size_t x = 0; x < m_map.columns; ++x, features += wide) {
            if (wanted(y).cells[x] == 0) {
                continue;
            }
            float score = m_net.last[wide];
            for (std::size_t i = 0; i < wide; ++i) {
                score += features[i] * m_net.last[i];
            }
            m_map.values[y * m_map.columns + x] =
                score < hopeless ? 0.0F : 1.0F / (1.0F + std::exp(-score));
        }
    }

    const Network& m_net;
    const FlatAnswers& m_flat;
    const GrayPlane& m_plane;
    TextMap& m_map;
    LocalContrast m_contrast;
    std::vector<std::uint8_t> m_busy;
    std::size_t m_picture_rows = 0; ///< so many were made
    Rows<1> m_picture;
    Rows<narrow> m_first;
    Rows<wide> m_second, m_third, m_fourth, m_fifth;
};

[[gnu::target("avx512f"), gnu::flatten]] void run_avx512(Pass& pass)
{
    pass.run<Processor<16, 8>>();
}

[[gnu::target("avx2,fma"), gnu::flatten]] void run_avx2(Pass& pass)
{
    // Four lanes, not eight: gcc 12 splits wider vectors before it knows this function's target, and joins
    // them again for 16 (AVX-512) only.
    pass.run<Processor<4, 3>>();
}

void run_plain(Pass& pass)
{
    pass.run<Processor<4, 2>>();
}

void run(Pass& pass)
{
    // int for gcc, bool for clang
    static const auto has_avx512 = static_cast<bool>(__builtin_cpu_supports("avx512f"));
    static const auto has_avx2 = static_cast<bool>(__builtin_cpu_supports("avx2"))
                                 && static_cast<bool>(__builtin_cpu_supports("fma"));
    if (has_avx512) {
        run_avx512(pass);
    } else if (has_avx2) {
        run_avx2(pass);
    } else {
        run_plain(pass);
    }
}

} // namespace

TextMap text_map(const GrayPlane& plane)
{
    static const Network net;
    static const FlatAnswers flat{net};
    TextMap map{(plane.width + TextMap::cell - 1) / TextMap::cell,
                (plane.height + TextMap::cell - 1) / TextMap::cell,
                {}};
    map.values.resize(std::size_t{map.columns} * map.rows);
    if (!map.values.empty()) {
        Pass pass{net, flat, plane, map};
        run(pass);
    }
    return map;
}

} // namespace fiona::pixel
