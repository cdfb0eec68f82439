// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

/// Plots as SVG inside a page: no script, no file of their own, colours by the page's style sheet.
namespace fiona::status {

struct ChartPoint {
    double x = 0; ///< of lines: any unit; of bars: not used
    double y = 0; ///< not negative
    std::string label;
};

struct Chart {
    std::string title;
    std::vector<ChartPoint> points;
    std::function<std::string(double)> value_text; ///< how a value of y is written
};

/// A bar for each point, the first and last labels below.
[[nodiscard]] std::string bar_chart(const Chart& chart);
/// A line through the points, filled below; a single point is a dot.
[[nodiscard]] std::string line_chart(const Chart& chart);

/// 1, 2 or 5 times a power of ten, not below `value`; 1 for nothing.
[[nodiscard]] double round_top(double value);

} // namespace fiona::status
