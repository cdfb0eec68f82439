// SPDX-License-Identifier: MIT
#include "libfiona/pixel/text_net.h"

#include <array>
#include <cmath>
#include <span>

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
using Last = Layer<wide, 1, 1>;

struct Network {
    First first{weights.data()};
    Second second{weights.data() + First::numbers};
    std::array<Further, 3> further{
        Further{weights.data() + First::numbers + Second::numbers},
        Further{weights.data() + First::numbers + Second::numbers + Further::numbers},
        Further{weights.data() + First::numbers + Second::numbers + 2 * Further::numbers}};
    Last last{weights.data() + First::numbers + Second::numbers + 3 * Further::numbers};
};
static_assert(weights.size()
                  == First::numbers + Second::numbers + 3 * Further::numbers + Last::numbers,
              "the weights are of another network");

const Network& network()
{
    static const Network made;
    return made;
}

/// Values of `channels` floats for each place, places row by row.
struct Field {
    std::size_t width = 0;
    std::size_t height = 0;
    std::vector<float> values;
};

/// Four neighbouring outputs at once keep their sums in registers.
constexpr std::size_t block = 4;

template <std::size_t Out>
using Sums = std::array<std::array<float, Out>, block>;

/// Adds what one tap of the kernel gives to the sums of a block.
template <std::size_t In, std::size_t Out>
[[gnu::always_inline]] inline void add_tap(Sums<Out>& sums, const float* weight,
                                           const std::array<const float*, block>& places)
{
    for (std::size_t in = 0; in < In; ++in) {
        for (std::size_t i = 0; i < block; ++i) {
            const float value = places[i][in];
            for (std::size_t out = 0; out < Out; ++out) {
                sums[i][out] += value * weight[in * Out + out];
            }
        }
    }
}

/// The sums of the block at x of row y, with zeros around the input.
template <std::size_t In, std::size_t Out, std::size_t Side, std::size_t Stride>
[[gnu::always_inline]] inline Sums<Out> block_sums(const Layer<In, Out, Side>& layer,
                                                   const Field& input, std::size_t x, std::size_t y,
                                                   std::size_t spread)
{
    static constexpr std::array<float, In> nothing{};
    const auto half = static_cast<std::ptrdiff_t>(Side / 2 * spread);
    const auto width = static_cast<std::ptrdiff_t>(input.width);
    const auto height = static_cast<std::ptrdiff_t>(input.height);
    Sums<Out> sums{};
    sums.fill(layer.bias);
    const float* weight = layer.weight.data();
    for (std::size_t row = 0; row < Side; ++row) {
        const auto from_y = static_cast<std::ptrdiff_t>(y * Stride + row * spread) - half;
        if (from_y < 0 || from_y >= height) {
            weight += Side * In * Out;
            continue;
        }
        const float* const line =
            input.values.data() + from_y * width * static_cast<std::ptrdiff_t>(In);
        for (std::size_t column = 0; column < Side; ++column, weight += In * Out) {
            std::array<const float*, block> places{};
            for (std::size_t i = 0; i < block; ++i) {
                const auto from_x =
                    static_cast<std::ptrdiff_t>((x + i) * Stride + column * spread) - half;
                places[i] = from_x < 0 || from_x >= width
                                ? nothing.data()
                                : line + from_x * static_cast<std::ptrdiff_t>(In);
            }
            add_tap<In, Out>(sums, weight, places);
        }
    }
    return sums;
}

/// One row of a convolution, then ReLU. Blocks of which nothing is `wanted` are left as they are.
template <std::size_t In, std::size_t Out, std::size_t Side, std::size_t Stride>
[[gnu::always_inline]] inline void convolve_row(
    const Layer<In, Out, Side>& layer, // NOLINT(readability-function-size) an inlined inner loop
    const Field& input, Field& output, std::size_t y, std::size_t spread,
    const std::uint8_t* wanted, std::size_t wanted_shift)
{
    for (std::size_t x = 0; x < output.width; x += block) {
        const auto count = std::min(block, output.width - x);
        bool any = false;
        for (std::size_t i = 0; i < count; ++i) {
            any = any || wanted[(x + i) >> wanted_shift] != 0;
        }
        if (!any) {
            continue;
        }
        const auto sums = block_sums<In, Out, Side, Stride>(layer, input, x, y, spread);
        float* const target = output.values.data() + (y * output.width + x) * Out;
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t out = 0; out < Out; ++out) {
                target[i * Out + out] = std::max(0.0F, sums[i][out]);
            }
        }
    }
}

/// All rows, with what the processor has.
template <std::size_t In, std::size_t Out, std::size_t Side, std::size_t Stride>
struct Convolution {
    const Layer<In, Out, Side>& layer;
    const Field& input;
    Field& output;
    std::size_t spread;
    const std::vector<std::uint8_t>& wanted; ///< by cell
    std::size_t cells_shift;                 ///< output places to cells

    [[gnu::always_inline]] inline void rows() const
    {
        const auto cells_wide = (output.width + (std::size_t{1} << cells_shift) - 1) >> cells_shift;
        for (std::size_t y = 0; y < output.height; ++y) {
            convolve_row<In, Out, Side, Stride>(layer, input, output, y, spread,
                                                wanted.data() + (y >> cells_shift) * cells_wide,
                                                cells_shift);
        }
    }
    [[gnu::target("avx2,fma")]] void rows_avx2() const { rows(); }
    void rows_plain() const { rows(); }

    void run() const
    {
        // int for gcc, bool for clang
        static const auto avx2 = __builtin_cpu_supports("avx2");
        static const auto fma = __builtin_cpu_supports("fma");
        avx2&& fma ? rows_avx2()
                   : rows_plain(); // NOLINT(readability-implicit-bool-conversion) see above
    }
};

/// (value - mean) / (deviation + 6) of the 33 x 33 around each pixel, as in the training.
Field normalised(const GrayPlane& plane, std::uint32_t first_row, std::uint32_t last_row)
{
    constexpr std::size_t reach = 16;
    const std::size_t width = plane.width;
    const std::size_t height = last_row - first_row;
    // Sums over columns of the window, moved down row by row.
    std::vector<std::uint32_t> sums(width);
    std::vector<std::uint32_t> squares(width);
    const auto take = [&](std::size_t y, auto&& apply) {
        const auto* const row = plane.row(static_cast<std::uint32_t>(y));
        for (std::size_t x = 0; x < width; ++x) {
            apply(sums[x], std::uint32_t{row[x]});
            apply(squares[x], std::uint32_t{row[x]} * row[x]);
        }
    };
    const auto add = [](std::uint32_t& sum, std::uint32_t value) { sum += value; };
    const auto subtract = [](std::uint32_t& sum, std::uint32_t value) { sum -= value; };
    std::size_t top = first_row - std::min<std::size_t>(first_row, reach);
    std::size_t bottom = top;
    Field field{width, height, std::vector<float>(width * height)};
    for (std::size_t y = first_row; y < last_row; ++y) {
        while (bottom < std::min<std::size_t>(plane.height, y + reach + 1)) {
            take(bottom++, add);
        }
        while (top + reach < y) {
            take(top++, subtract);
        }
        std::uint64_t sum = 0;
        std::uint64_t square = 0;
        for (std::size_t x = 0; x < std::min(width, reach); ++x) {
            sum += sums[x];
            square += squares[x];
        }
        const auto* const row = plane.row(static_cast<std::uint32_t>(y));
        auto* const out = field.values.data() + (y - first_row) * width;
        for (std::size_t x = 0; x < width; ++x) {
            if (x + reach < width) {
                sum += sums[x + reach];
                square += squares[x + reach];
            }
            if (x > reach) {
                sum -= sums[x - reach - 1];
                square -= squares[x - reach - 1];
            }
            const auto columns = std::min(width, x + reach + 1) - (x - std::min(x, reach));
            const auto share = 1.0F / static_cast<float>(columns * (bottom - top));
            const auto mean = static_cast<float>(sum) * share;
            const auto variance = static_cast<float>(square) * share - mean * mean;
            out[x] =
                (static_cast<float>(row[x]) - mean) / (std::sqrt(std::max(0.0F, variance)) + 6);
        }
    }
    return field;
}

/// Cells near which something stands out; in the rest there is nothing to read.
std::vector<std::uint8_t> busy_cells(const Field& picture, std::size_t columns, std::size_t rows)
{
    constexpr float stands_out = 0.8F;
    constexpr std::size_t reach = 3;
    std::vector<std::uint8_t> busy(columns * rows);
    for (std::size_t y = 0; y < picture.height; ++y) {
        for (std::size_t x = 0; x < picture.width; ++x) {
            if (std::abs(picture.values[y * picture.width + x]) > stands_out) {
                busy[y / cell * columns + x / cell] = 1;
            }
        }
    }
    std::vector<std::uint8_t> wide_rows(columns * rows);
    for (std::size_t y = 0; y < rows; ++y) {
        for (std::size_t x = 0; x < columns; ++x) {
            if (busy[y * columns + x] != 0) {
                for (auto at = x - std::min(x, reach); at < std::min(columns, x + reach + 1);
                     ++at) {
                    wide_rows[y * columns + at] = 1;
                }
            }
        }
    }
    for (std::size_t y = 0; y < rows; ++y) {
        for (auto at = y - std::min(y, reach); at < std::min(rows, y + reach + 1); ++at) {
            for (std::size_t x = 0; x < columns; ++x) {
                busy[at * columns + x] |= wide_rows[y * columns + x];
            }
        }
    }
    return busy;
}

float probability(const float* features)
{
    const auto& last = network().last;
    float score = last.bias[0];
    for (std::size_t i = 0; i < wide; ++i) {
        score += features[i] * last.weight[i];
    }
    return 1.0F / (1.0F + std::exp(-score));
}

/// What each layer answers where the picture is flat, far from everything.
struct FlatAnswers {
    std::array<float, narrow> first{};
    std::array<std::array<float, wide>, 4> further{};

    FlatAnswers()
    {
        const auto& net = network();
        for (std::size_t i = 0; i < narrow; ++i) {
            first[i] = std::max(0.0F, net.first.bias[i]);
        }
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

template <std::size_t Channels>
Field filled(std::size_t width, std::size_t height, const std::array<float, Channels>& with)
{
    Field field{width, height, std::vector<float>(width * height * Channels)};
    for (std::size_t i = 0; i < field.values.size(); ++i) {
        field.values[i] = with[i % Channels];
    }
    return field;
}

/// The answers for the rows of one strip.
std::vector<float> strip(const GrayPlane& plane, std::uint32_t first_row, std::uint32_t last_row)
{
    static const FlatAnswers flat;
    const auto& net = network();
    const auto picture = normalised(plane, first_row, last_row);
    const auto half_width = (picture.width + 1) / 2;
    const auto half_height = (picture.height + 1) / 2;
    const auto columns = (half_width + 1) / 2;
    const auto rows = (half_height + 1) / 2;
    const auto busy = busy_cells(picture, columns, rows);

    auto first = filled(half_width, half_height, flat.first);
    Convolution<1, narrow, 5, 2>{net.first, picture, first, 1, busy, 1}.run();
    auto before = filled(columns, rows, flat.further[0]);
    Convolution<narrow, wide, 3, 2>{net.second, first, before, 1, busy, 0}.run();
    for (std::size_t i = 0; i < 3; ++i) {
        auto after = filled(columns, rows, flat.further[i + 1]);
        Convolution<wide, wide, 3, 1>{net.further[i], before, after, std::size_t{1} << i, busy, 0}
            .run();
        before = std::move(after);
    }
    std::vector<float> answers(columns * rows);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        answers[i] = busy[i] == 0 ? 0.0F : probability(before.values.data() + i * wide);
    }
    return answers;
}

} // namespace

TextMap text_map(const GrayPlane& plane)
{
    // What a cell's answer depends on: 32 pixels by the convolutions, 16 by the normalisation.
    constexpr std::uint32_t reach = 48;
    constexpr std::uint32_t strip_pixels = 1'500'000;
    TextMap map{(plane.width + TextMap::cell - 1) / TextMap::cell,
                (plane.height + TextMap::cell - 1) / TextMap::cell,
                {}};
    map.values.reserve(std::size_t{map.columns} * map.rows);
    const auto height =
        std::max<std::uint32_t>(128, strip_pixels / std::max(1U, plane.width) / 16 * 16);
    for (std::uint32_t y = 0; y < plane.height; y += height) {
        const auto top = y - std::min(y, reach);
        const auto end = std::min(plane.height, y + height);
        const auto answers = strip(plane, top, std::min(plane.height, end + reach));
        const auto skip = std::size_t{(y - top) / TextMap::cell} * map.columns;
        const auto count = std::size_t{(end - y + TextMap::cell - 1) / TextMap::cell} * map.columns;
        map.values.insert(map.values.end(), answers.begin() + static_cast<std::ptrdiff_t>(skip),
                          answers.begin() + static_cast<std::ptrdiff_t>(skip + count));
    }
    return map;
}

} // namespace fiona::pixel
